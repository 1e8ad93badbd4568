package books

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"castnet/internal/node/console"
	"castnet/probabilistic-payments/store"
	"castnet/probabilistic-payments/store/storetest"
	"castnet/test/redisserver"
)

// TestStoreCommands backs a store up while it is open, restores it elsewhere, and checks both.
func TestStoreCommands(t *testing.T) {
	server := redisserver.Start(t)
	for name, place := range map[string]func(string) Place{
		"sqlite": func(dir string) Place { return Place{DataDir: filepath.Join(t.TempDir(), dir)} },
		"redis": func(dir string) Place {
			return Place{Store: server.URL, Account: "0x" + strings.Repeat("0", 38) + map[string]string{"a": "aa", "b": "bb"}[dir]}
		},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			con := &console.Console{Out: &out, Err: t.Output()}
			ctx := t.Context()
			from, to := place("a"), place("b")
			if err := (&Backup{Place: Place{DataDir: t.TempDir()}, To: "x"}).Run(ctx, con); err == nil {
				t.Error("a store that is not there was backed up")
			}
			c, err := from.config(warnings(con))
			if err != nil {
				t.Fatal(err)
			}
			s, err := store.Open(ctx, c)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = s.Close() }()
			charge := storetest.NewCharge(1, 0)
			if err := s.AddCharge(ctx, charge); err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(t.TempDir(), "backup")
			if err := (&Backup{Place: from, To: file}).Run(ctx, con); err != nil {
				t.Fatal(err)
			}
			if err := (&Restore{Place: to, From: file}).Run(ctx, con); err != nil {
				t.Fatal(err)
			}
			for _, p := range []Place{from, to} {
				out.Reset()
				if err := (&Check{Place: p, Output: console.Output{JSON: true}}).Run(ctx, con); err != nil {
					t.Fatal(err)
				}
				var report checked
				if err := json.Unmarshal(out.Bytes(), &report); err != nil || report.Receipts != 1 {
					t.Errorf("%s: %v", out.String(), err)
				}
			}
		})
	}
	_, err := (&Place{Store: server.URL}).config(warnings(&console.Console{Err: t.Output()}))
	if err == nil || !strings.Contains(err.Error(), "--account") {
		t.Errorf("whose money in a Redis? %v", err)
	}
}

func TestHolderNameStays(t *testing.T) {
	dir := t.TempDir()
	first, err := HolderName(dir)
	if err != nil || first == "" {
		t.Fatal(first, err)
	}
	if again, err := HolderName(dir); err != nil || again != first {
		t.Errorf("%q, then %q (%v)", first, again, err)
	}
	if other, err := HolderName(t.TempDir()); err != nil || other == first {
		t.Errorf("two folders, one name (%v)", err)
	}
}
