package storetest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// ownServer starts PostgreSQL once for the process and returns its URL.
var ownServer = sync.OnceValues(startServer)

// lifeline is the input of the script. It is kept here because the garbage collector would close it, and with it the server.
var lifeline io.WriteCloser

// script makes a cluster and runs it until its input ends, which is when the test process does, however it ends.
// PostgreSQL listens on a socket in the folder and on no port, so that nothing has to be free. Where it can, it sorts text as
// people do and not by bytes, so that a statement that forgets the collation is found out.
const script = `
bin=$1 dir=$2
trap 'rm -rf "$dir"' EXIT
init() { "$bin/initdb" --pgdata="$dir/data" --username=tenure --auth=trust --encoding=UTF8 --no-sync "$@" >>"$dir/log" 2>&1; }
init --locale=C.UTF-8 --locale-provider=icu --icu-locale=en-US || { rm -rf "$dir/data"; init --locale=C; } || { tail -n 5 "$dir/log" | tr '\n' ' '; exit 1; }
"$bin/pg_ctl" start --wait --silent --pgdata="$dir/data" --log="$dir/log" \
	--options="-k '$dir' -c listen_addresses='' -c fsync=off -c synchronous_commit=off -c full_page_writes=off -c max_connections=300" </dev/null >>"$dir/log" 2>&1 ||
	{ tail -n 5 "$dir/log" | tr '\n' ' '; exit 1; }
echo ready
exec >/dev/null
cat
"$bin/pg_ctl" stop --wait --silent --pgdata="$dir/data" --mode=immediate >/dev/null 2>&1
`

func startServer() (string, error) {
	bin, err := binaries()
	if err != nil {
		return "", err
	}
	credential, err := unprivileged()
	if err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp(openFolder(), "tenure-postgres-")
	if err != nil {
		return "", err
	}
	if credential != nil {
		if err := os.Chown(dir, int(credential.Uid), int(credential.Gid)); err != nil {
			return "", err
		}
	}
	cmd := exec.Command("/bin/sh", "-c", script, "sh", bin, dir)
	cmd.Dir = dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "TZ=UTC"}
	// A session of its own: an interrupt from the terminal ends the tests, and their end ends the server in order.
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: credential, Setsid: true}
	if lifeline, err = cmd.StdinPipe(); err != nil {
		return "", err
	}
	runtime.KeepAlive(lifeline)
	output, err := cmd.StdoutPipe()
	if err != nil {
		return "", err
	}
	if err := cmd.Start(); err != nil {
		return "", err
	}
	line, _ := bufio.NewReader(output).ReadString('\n')
	if strings.TrimSpace(line) != "ready" {
		return "", fmt.Errorf("PostgreSQL of %s did not start: %s", bin, strings.TrimSpace(line))
	}
	return "postgres://tenure@/postgres?host=" + url.QueryEscape(dir), nil
}

// binaries finds the folder of PostgreSQL's programs: that of the PATH, else the newest installed one.
func binaries() (string, error) {
	if path, err := exec.LookPath("initdb"); err == nil {
		path, err = filepath.EvalSymlinks(path)
		return filepath.Dir(path), err
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(found) == 0 {
		return "", errors.Join(errors.New("no initdb in the PATH or in /usr/lib/postgresql"), err)
	}
	version := func(path string) int {
		n, _ := strconv.Atoi(strings.Split(path, "/")[4])
		return n
	}
	return filepath.Dir(slices.MaxFunc(found, func(a, b string) int { return version(a) - version(b) })), nil
}

// unprivileged is who runs the server when root runs the tests, since PostgreSQL refuses to run as root; nil for oneself.
func unprivileged() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		account, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(account.Uid, 10, 32)
		if err != nil {
			return nil, err
		}
		gid, err := strconv.ParseUint(account.Gid, 10, 32)
		if err != nil {
			return nil, err
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
	}
	return nil, errors.New("root may not run PostgreSQL, and there is no user postgres or nobody")
}

// openFolder is the folder for temporary files, or /tmp when others may not enter that one.
func openFolder() string {
	const enter = 0o001
	for dir := os.TempDir(); ; dir = filepath.Dir(dir) {
		status, err := os.Stat(dir)
		if err != nil || (os.Geteuid() == 0 && status.Mode().Perm()&enter == 0) {
			return "/tmp"
		}
		if dir == filepath.Dir(dir) {
			return os.TempDir()
		}
	}
}
