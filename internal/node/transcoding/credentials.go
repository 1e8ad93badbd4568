package transcoding

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"castnet/orchestrator/rpc"
)

// renewEvery is how often a transcoder looks at its certificates. They are good for two years, and renewed after one.
const renewEvery = 24 * time.Hour

// credentials reads what enrolling at the i-th orchestrator gave, or enrolls with its token where there is nothing, or
// what there is has expired.
func (cfg *Config) credentials(ctx context.Context, i int, log *slog.Logger) (*rpc.Credentials, error) {
	address := cfg.Orchestrator[i]
	known, err := cfg.known(address)
	if err == nil {
		if fresh := cfg.renewed(ctx, address, known, log); fresh != nil {
			return fresh, nil
		}
		_, err = known.Due(time.Now())
		if err == nil {
			return known, nil
		}
	}
	if i >= len(cfg.Token) {
		return nil, fmt.Errorf("not enrolled at %s: %w; ask the orchestrator's operator for a token and give it with --token", address, err)
	}
	token, err := rpc.ParseToken(cfg.Token[i])
	if err != nil {
		return nil, fmt.Errorf("%w (--token)", err)
	}
	fresh, err := rpc.Enroll(ctx, address, token)
	if err != nil {
		return nil, err
	}
	return fresh, cfg.keep(address, fresh)
}

func (cfg *Config) credentialsFile(address string) string {
	return filepath.Join(cfg.DataDir, "credentials-"+strings.NewReplacer(":", "-", "/", "-", "[", "", "]", "").Replace(address)+".json")
}

func (cfg *Config) known(address string) (*rpc.Credentials, error) {
	path := cfg.credentialsFile(address)
	b, err := os.ReadFile(path) //nolint:gosec // the operator's own folder
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("there is no %s yet", path)
	}
	var known rpc.Credentials
	if err == nil {
		err = json.Unmarshal(b, &known)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &known, nil
}

// keep replaces the file whole or not at all.
func (cfg *Config) keep(address string, c *rpc.Credentials) error {
	path := cfg.credentialsFile(address)
	b, err := json.MarshalIndent(c, "", "  ")
	if err == nil {
		err = os.WriteFile(path+".new", b, 0o600)
	}
	if err == nil {
		err = os.Rename(path+".new", path)
	}
	if err != nil {
		return fmt.Errorf("keep the certificate: %w", err)
	}
	return nil
}

// renewed renews credentials that are due. It returns nil where they are not, or it cannot be done now: there is a year
// to try again.
func (cfg *Config) renewed(ctx context.Context, address string, known *rpc.Credentials, log *slog.Logger) *rpc.Credentials {
	if due, err := known.Due(time.Now()); !due || err != nil {
		return nil
	}
	fresh, err := known.Renew(ctx, address)
	if err == nil {
		err = cfg.keep(address, fresh)
	}
	if err != nil {
		log.Warn("certificate not renewed; trying again tomorrow", "orchestrator", address, "error", err)
		return nil
	}
	log.Info("certificate renewed", "orchestrator", address)
	return fresh
}

// renew looks after the certificates until ctx ends. Open connections go on with the old one, which stays good.
func (cfg *Config) renew(ctx context.Context, log *slog.Logger) error {
	tick := time.NewTicker(renewEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
		for _, address := range cfg.Orchestrator {
			if known, err := cfg.known(address); err == nil {
				cfg.renewed(ctx, address, known, log)
			}
		}
	}
}
