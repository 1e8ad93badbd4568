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

// lockFile is, in the folder, what is locked.
const lockFile = "lock"

// LockDir makes sure that one process at a time works in a folder. The kernel lets go of the lock when the process
// ends, however it ends.
func LockDir(dir string) (unlock func(), err error) {
	file, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_CREATE|os.O_RDWR, 0o600) //nolint:gosec // the operator's own folder
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

// InUse reports whether a process works in a folder. It makes and holds nothing there.
func InUse(dir string) (bool, error) {
	file, err := os.Open(filepath.Join(dir, lockFile)) //nolint:gosec // the operator's own folder
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("who works in the data folder: %w (--data-dir)", err)
	}
	defer func() { _ = file.Close() }() // it was only looked at
	err = syscall.Flock(int(file.Fd()), syscall.LOCK_SH|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("who works in the data folder: %w", err)
	}
	return false, nil
}
