package redis

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	goredis "github.com/redis/go-redis/v9"

	payments "castnet/probabilistic-payments"
)

// A backup is lines of JSON: what it is, then each field of each key, then a checksum of all lines before.

const backupKind = "castnet money store in Redis, version 1"

type backupLine struct {
	Kind string `json:"kind,omitempty"` // of the first line

	Key   string   `json:"key,omitempty"`
	Field []byte   `json:"field,omitempty"`
	Value []byte   `json:"value,omitempty"` // of a hash
	Score *float64 `json:"score,omitempty"` // of a sorted set

	Entries int    `json:"entries,omitempty"` // of the last line
	SHA256  string `json:"sha256,omitempty"`
}

// hashes and sets are the keys that a backup holds. Sessions and lanes are not: they end with what is backed up.
func hashes() []string {
	return []string{"meta", "tickets", "charges", "keys", "epochs", "closed", "winners", "nonces", "floors", "senders"}
}

func sets() []string {
	return []string{"due", "open", "held", "queue", "expiring", "blocks", "settled"}
}

// Backup writes a copy of the store, as of one moment, into a new file. The store may be in use meanwhile: Redis stands
// still for as long as it takes to copy the keys, about a second for a million records.
func (s *Store) Backup(ctx context.Context, path string) (err error) {
	var keys []string
	for _, name := range append(hashes(), sets()...) {
		keys = append(keys, s.key(name), s.key("copy:"+name))
	}
	if _, err := s.do(ctx, "touch"); err != nil { // it also gives Redis the functions
		return err
	}
	if err := s.cfg.Client.FCall(ctx, s.library+"_snapshot", keys).Err(); err != nil {
		return fmt.Errorf("%w: %w", payments.ErrUnavailable, err)
	}
	defer func() {
		for _, name := range append(hashes(), sets()...) {
			err = errors.Join(err, s.cfg.Client.Unlink(context.WithoutCancel(ctx), s.key("copy:"+name)).Err())
		}
	}()
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // the operator says where
	if err != nil {
		return fmt.Errorf("%w; name a new file", err)
	}
	buffer := bufio.NewWriter(file)
	sum := sha256.New()
	out := json.NewEncoder(io.MultiWriter(buffer, sum))
	entries := 0
	write := func(l backupLine) error {
		entries++
		return out.Encode(l)
	}
	err = out.Encode(backupLine{Kind: backupKind})
	if err == nil {
		err = s.dump(ctx, write)
	}
	if err == nil {
		err = out.Encode(backupLine{Entries: entries, SHA256: hex.EncodeToString(sum.Sum(nil))})
	}
	return errors.Join(err, buffer.Flush(), file.Sync(), file.Close())
}

// dump writes the copies that snapshot made.
func (s *Store) dump(ctx context.Context, write func(backupLine) error) error {
	for _, name := range hashes() {
		err := s.each(ctx, s.key("copy:"+name), func(field, value string) error {
			return write(backupLine{Key: name, Field: []byte(field), Value: []byte(value)})
		})
		if err != nil {
			return err
		}
	}
	for _, name := range sets() {
		if err := s.dumpSet(ctx, name, write); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) dumpSet(ctx context.Context, name string, write func(backupLine) error) error {
	const part = 1000
	for from := int64(0); ; from += part {
		members, err := s.cfg.Client.ZRangeWithScores(ctx, s.key("copy:"+name), from, from+part-1).Result()
		if err != nil {
			return err
		}
		for _, m := range members {
			member, ok := m.Member.(string)
			if !ok {
				return fmt.Errorf("redis gave a member of type %T", m.Member)
			}
			if err := write(backupLine{Key: name, Field: []byte(member), Score: &m.Score}); err != nil {
				return err
			}
		}
		if len(members) < part {
			return nil
		}
	}
}

// Restore makes a store, where none may be, out of a backup. What was owed when the backup was made cannot be paid any
// more; winners are redeemed, as far as the chain has not paid them.
func Restore(ctx context.Context, cfg Config, backup string) error {
	if err := cfg.validate(); err != nil {
		return err
	}
	s := &Store{cfg: cfg}
	if err := readBackup(backup, func(backupLine) error { return nil }); err != nil { // before anything is written
		return err
	}
	// Nobody can join before the version is the right one.
	fresh, err := cfg.Client.HSetNX(ctx, s.key("meta"), "version", "restoring").Result()
	if err != nil {
		return err
	}
	if !fresh {
		return fmt.Errorf("there is a store named %q in this Redis; restore into another, or remove the keys %q first", cfg.Name, s.key("*"))
	}
	pipe := cfg.Client.Pipeline()
	flush := func() error {
		_, err := pipe.Exec(ctx)
		return err
	}
	err = readBackup(backup, func(l backupLine) error {
		if !s.put(ctx, pipe, l) || pipe.Len() < 500 {
			return nil
		}
		return flush()
	})
	if err == nil {
		err = flush()
	}
	if err == nil {
		err = cfg.Client.HSet(ctx, s.key("meta"), "version", "1").Err()
	}
	return err
}

// put queues what a line says.
func (s *Store) put(ctx context.Context, pipe goredis.Pipeliner, l backupLine) bool {
	switch value := string(l.Value); {
	case l.Key == "meta" && string(l.Field) != "secret":
		return false
	case l.Score != nil:
		pipe.ZAdd(ctx, s.key(l.Key), goredis.Z{Score: *l.Score, Member: l.Field})
	case l.Key == "epochs": // safe in no Redis, so that whoever takes it closes it
		expiry, _, _ := strings.Cut(value, " ")
		pipe.HSet(ctx, s.key(l.Key), l.Field, expiry+" - -")
	default:
		pipe.HSet(ctx, s.key(l.Key), l.Field, value)
	}
	return true
}

// readBackup calls f for each entry, and fails where the file is not whole.
func readBackup(path string, f func(backupLine) error) error {
	file, err := os.Open(path) //nolint:gosec // the operator says where
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }() // read only
	known := make(map[string]bool)
	for _, name := range append(hashes(), sets()...) {
		known[name] = true
	}
	sum := sha256.New()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for n := -1; lines.Scan(); n++ {
		var l backupLine
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			return fmt.Errorf("%s: line %d: %w", path, n+2, err)
		}
		switch {
		case n == -1 && l.Kind != backupKind:
			return fmt.Errorf("%s is no backup of this kind (%s)", path, backupKind)
		case l.SHA256 != "":
			if l.SHA256 != hex.EncodeToString(sum.Sum(nil)) || l.Entries != n {
				return fmt.Errorf("%s is damaged: its checksum does not fit", path)
			}
			return nil
		case n >= 0 && !known[l.Key]:
			return fmt.Errorf("%s: line %d has the unknown key %q", path, n+2, l.Key)
		case n >= 0:
			if err := f(l); err != nil {
				return err
			}
		}
		_, _ = sum.Write(lines.Bytes()) // never fails
		_, _ = sum.Write([]byte{'\n'})
	}
	return errors.Join(lines.Err(), fmt.Errorf("%s is not whole: its last line is missing", path))
}
