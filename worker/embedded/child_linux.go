package embedded

import "syscall"

// childAttributes puts a child into a group of its own and ends it when this process dies without stopping it.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}
