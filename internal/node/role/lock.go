package role

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// ErrInUse is wrapped where another process works in the folder.
var ErrInUse = errors.New("is in use by another castnet")

// LockDir makes sure that one process at a time works in a folder. The kernel lets go of the lock when the process
// ends, however it ends.
func LockDir(dir string) (unlock func(), err error) {
	file, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600) //nolint:gosec // the operator's own folder
	if err != nil {
		return nil, fmt.Errorf("lock the data folder: %w (--data-dir)", err)
	}
	err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		_ = file.Close()
		return nil, fmt.Errorf("%s %w: stop it, or choose another folder (--data-dir)", dir, ErrInUse)
	}
	if err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("lock the data folder: %w", err)
	}
	return func() { _ = file.Close() }, nil
}
