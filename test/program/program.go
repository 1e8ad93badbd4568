// Package program builds the real worker for the tests of what runs it.
package program

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// Worker gives the path of castnet-worker, built when it is first asked for, into a folder of its own.
func Worker() func() (string, error) {
	return sync.OnceValues(func() (string, error) {
		dir, err := os.MkdirTemp("", "castnet-worker-test-")
		if err != nil {
			return "", err
		}
		path := filepath.Join(dir, "castnet-worker")
		build := exec.Command("go", "build", "-o", path, "castnet/cmd/castnet-worker") //nolint:gosec,noctx // the path is made here; go test ends it
		if out, err := build.CombinedOutput(); err != nil {
			return "", fmt.Errorf("%w: %s", err, out)
		}
		return path, nil
	})
}

// Run runs a package's tests, removes the folder of the worker that they used, and gives the exit status.
func Run(m *testing.M, worker func() (string, error)) int {
	code := m.Run()
	if path, err := worker(); err == nil {
		_ = os.RemoveAll(filepath.Dir(path))
	}
	return code
}
