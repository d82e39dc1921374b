//go:build !linux

package embedded

import "syscall"

// childAttributes puts a child into a group of its own.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
