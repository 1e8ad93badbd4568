package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Backup writes a copy of the store, as of one moment, into a new file. The store may be in use meanwhile, by other
// processes too.
func (s *Store) Backup(ctx context.Context, path string) error {
	if err := absent(path); err != nil {
		return err
	}
	if _, err := s.read.ExecContext(ctx, `VACUUM INTO ?`, path); err != nil {
		return fmt.Errorf("back up into %s: %w", path, err)
	}
	return synced(path)
}

func absent(path string) error {
	_, err := os.Lstat(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return fmt.Errorf("%s exists; name a new file, or move it away", path)
}

// synced has a file written to the disk, not just to the system, and lets nobody else read it.
func synced(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0o600) //nolint:gosec // the operator says where
	if err != nil {
		return err
	}
	return errors.Join(f.Chmod(0o600), f.Sync(), f.Close())
}

// Restore makes a store at path, where none may be, out of a backup. What was owed when the backup was made cannot be
// paid any more; winners are redeemed, as far as the chain has not paid them.
func Restore(ctx context.Context, backup, path string) error {
	if err := absent(path); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	draft := path + ".restoring"
	if err := errors.Join(remove(draft), remove(draft+"-wal"), remove(draft+"-shm")); err != nil {
		return err
	}
	if err := copyFile(backup, draft); err != nil {
		return err
	}
	s, err := Open(ctx, draft)
	if err != nil {
		return err
	}
	if err := errors.Join(s.seal(ctx), s.Close()); err != nil {
		return errors.Join(err, remove(draft))
	}
	return os.Rename(draft, path) // closing has put the log into the file
}

func remove(path string) error {
	if err := os.Remove(path); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

func copyFile(from, to string) (err error) {
	in, err := os.Open(from) //nolint:gosec // the operator says where
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()                                     // read only
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // the operator says where
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Sync(), out.Close())
}

// Check has SQLite look at every page of the file.
func (s *Store) Check(ctx context.Context) error {
	var answer string
	if err := s.read.QueryRowContext(ctx, `PRAGMA integrity_check`).Scan(&answer); err != nil {
		return err
	}
	if answer != "ok" {
		return fmt.Errorf("the file is damaged: %s", answer)
	}
	return nil
}
