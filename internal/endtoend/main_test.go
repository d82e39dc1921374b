package endtoend_test

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// programs are the binaries under test.
var programs struct{ tenure, worker, temporal string }

// shared is the Temporal server that every test uses which does not stop it; each has a namespace there.
var shared *temporalServer

func TestMain(m *testing.M) {
	flag.Parse()
	if testing.Short() {
		fmt.Println("endtoend: left out by -short")
		return
	}
	// The tests wait more than they compute: several fit on a small machine.
	if parallel := flag.Lookup("test.parallel"); parallel.Value.String() == parallel.DefValue {
		_ = parallel.Value.Set("6")
	}
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "tenure-endtoend-")
	if err != nil {
		fmt.Fprintln(os.Stderr, "endtoend:", err)
		return 1
	}
	defer os.RemoveAll(dir)
	if err := prepare(dir); err != nil {
		fmt.Fprintln(os.Stderr, "endtoend:", err)
		return 1
	}
	shared, err = startTemporal(filepath.Join(dir, "temporal"))
	if err != nil {
		fmt.Fprintln(os.Stderr, "endtoend:", err)
		return 1
	}
	defer shared.kill()
	return m.Run()
}

// prepare builds the programs under test, so that nobody tests what an old build left in bin, and finds the Temporal
// CLI, which takes minutes to build and is therefore expected to be there. ENDTOEND_BIN names a folder with programs to
// test instead, for instance some with a mistake in them, to see that the tests find it.
func prepare(dir string) error {
	root, err := filepath.Abs("../..")
	if err != nil {
		return err
	}
	bin, given := os.LookupEnv("ENDTOEND_BIN")
	rooms := map[string]string{}
	if !given {
		bin = filepath.Join(dir, "bin")
		rooms = map[string]string{"tenure": "./starter", "tenure-worker": "./worker"}
	}
	programs.tenure, programs.worker = filepath.Join(bin, "tenure"), filepath.Join(bin, "tenure-worker")
	for name, room := range rooms {
		build := exec.Command("go", "build", "-ldflags", "-s -w", "-o", filepath.Join(bin, name), room)
		build.Dir = root
		if text, err := build.CombinedOutput(); err != nil {
			return fmt.Errorf("build %s: %w\n%s", room, err, text)
		}
	}
	if path, err := exec.LookPath("temporal"); err == nil {
		programs.temporal = path
		return nil
	}
	programs.temporal = filepath.Join(root, "bin", "temporal")
	if _, err := os.Stat(programs.temporal); err != nil {
		return fmt.Errorf("no temporal command on PATH nor in bin; build it with `make build`: %w", err)
	}
	return nil
}
