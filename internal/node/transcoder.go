package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sync/errgroup"

	"castnet/internal/node/console"
	"castnet/orchestrator/rpc"
)

// TranscoderConfig is the command `castnet transcoder`.
type TranscoderConfig struct {
	Common       `embed:""`
	DataDir      string `required:"" help:"Keep the certificate that the orchestrator gave in this folder." placeholder:"DIR" type:"path"`
	Orchestrator string `required:"" help:"Work for the orchestrator at this address, host:port." placeholder:"ADDR"`
	Token        string `help:"The token from 'castnet orchestrator token'. It is exchanged for a certificate, once, and not needed again." placeholder:"TOKEN"`
	Workers      int    `default:"-1" help:"Worker processes at most; -1: two for each core." placeholder:"N"`
}

// Run lends this machine's workers to an orchestrator until ctx ends.
func (cfg *TranscoderConfig) Run(ctx context.Context, con *console.Console) error {
	r, err := newRole("transcoder", cfg.Common, con.Err)
	if err != nil {
		return err
	}
	if err := makeDir(cfg.DataDir); err != nil {
		return err
	}
	credentials, err := cfg.credentials(ctx)
	if err != nil {
		return err
	}
	dial, err := credentials.Dial(cfg.Orchestrator)
	if err != nil {
		return err
	}
	workers, err := localWorkers(r, max(cfg.Workers, 0))
	if err != nil {
		return err
	}
	remote, err := rpc.NewRemoteWorker(rpc.RemoteConfig{Dial: dial, Transcoder: workers, Logger: r.log})
	if err != nil {
		return err
	}
	r.log.Info("transcoder is up", "orchestrator", cfg.Orchestrator, "operator", credentials.Operator)
	close(r.ready)
	// The workers outlive the remote worker's drain: they end when it has.
	work, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	group := errgroup.Group{}
	group.Go(func() error { return workers.Run(work) })
	group.Go(func() error {
		defer stop()
		return remote.Run(ctx)
	})
	group.Go(func() error { return r.serveMetrics(work) })
	return group.Wait()
}

// credentials reads what enrolling gave, or enrolls with the token.
func (cfg TranscoderConfig) credentials(ctx context.Context) (*rpc.Credentials, error) {
	path := filepath.Join(cfg.DataDir, "credentials.json")
	b, err := os.ReadFile(path) //nolint:gosec // the operator's own folder
	if err == nil {
		var known rpc.Credentials
		if err := json.Unmarshal(b, &known); err != nil {
			return nil, fmt.Errorf("%s: %w; remove it and enroll again with a new token (--token)", path, err)
		}
		return &known, nil
	}
	if !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	if cfg.Token == "" {
		return nil, fmt.Errorf("not enrolled yet: ask the orchestrator's operator for a token and give it with --token (looked for %s)", path)
	}
	token, err := rpc.ParseToken(cfg.Token)
	if err != nil {
		return nil, fmt.Errorf("%w (--token)", err)
	}
	fresh, err := rpc.Enroll(ctx, cfg.Orchestrator, token)
	if err != nil {
		return nil, err
	}
	if b, err = json.MarshalIndent(fresh, "", "  "); err != nil {
		return nil, err
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		return nil, fmt.Errorf("keep the certificate: %w", err)
	}
	return fresh, nil
}
