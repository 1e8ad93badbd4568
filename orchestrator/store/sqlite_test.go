package store_test

import (
	"path/filepath"
	"testing"

	"castnet/orchestrator/store"
	"castnet/orchestrator/store/storetest"
)

func TestSQLite(t *testing.T) {
	dirs := make(map[string]string) // a directory for each test
	storetest.Run(t, func(t *testing.T, name string) storetest.Store {
		t.Helper()
		dir := dirs[t.Name()]
		if dir == "" {
			dir = t.TempDir()
			dirs[t.Name()] = dir
		}
		s, err := store.OpenSQLite(t.Context(), filepath.Join(dir, name+".db"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
		return s
	})
}
