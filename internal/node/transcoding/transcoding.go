// Package transcoding lends this machine's workers: `castnet transcoder`, and what an orchestrator's own workers share with it,
// from the choice of cards to the measured capacity.
package transcoding

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"castnet/internal/node/console"
	"castnet/internal/node/role"
	"castnet/orchestrator/rpc"
)

// Config is the command `castnet transcoder`.
type Config struct {
	role.Common  `embed:""`
	DataDir      string   `required:"" help:"Keep the certificates that orchestrators gave in this folder." placeholder:"DIR" type:"path"`
	Orchestrator []string `required:"" help:"Work for the orchestrator at this address, host:port. Repeat it to work for several." placeholder:"ADDR"`
	Token        []string `help:"The token from 'castnet orchestrator token', for each orchestrator in turn. It is exchanged for a certificate, once, and not needed again." placeholder:"TOKEN"`
	GPU          string   `name:"gpu" default:"all" help:"Cards to work on: all, none, or their numbers (0,1). The processor takes what they refuse." placeholder:"CARDS"`
	Workers      int      `default:"-1" help:"Worker processes at most; -1: two for each core." placeholder:"N"`
	Capacity     `embed:""`
	DrainTimeout time.Duration `default:"10s" help:"When told to leave (SIGTERM, castnet transcoder drain), give sessions this long to reach the end of their segments."`
}

// Run lends this machine's workers to orchestrators until ctx ends.
func (cfg *Config) Run(ctx context.Context, con *console.Console) error {
	r, err := role.New("transcoder", cfg.Common, con.Err)
	if err != nil {
		return err
	}
	if err := role.MakeDir(cfg.DataDir); err != nil {
		return err
	}
	unlock, err := role.LockDir(cfg.DataDir)
	if err != nil {
		return err
	}
	defer unlock()
	if err := os.WriteFile(filepath.Join(cfg.DataDir, pidFile), fmt.Append(nil, os.Getpid(), "\n"), 0o600); err != nil {
		return fmt.Errorf("%w (--data-dir)", err)
	}
	workers, err := cfg.TestedWorkers(ctx, r, cfg.GPU, max(cfg.Workers, 0))
	if err != nil {
		return err
	}
	desk := &Desk{DataDir: cfg.DataDir, Workers: workers, Log: r.Log}
	for i, address := range cfg.Orchestrator {
		credentials, err := cfg.credentials(ctx, i, r.Log)
		if err != nil {
			return err
		}
		dial, err := credentials.Dial(address)
		if err != nil {
			return err
		}
		lent, err := rpc.NewRemoteWorker(rpc.RemoteConfig{Dial: dial, Transcoder: workers.Pool, DrainTimeout: cfg.DrainTimeout, Logger: r.Log})
		if err != nil {
			return err
		}
		desk.remotes = append(desk.remotes, remote{address, credentials.Operator.Hex(), lent})
		r.Log.Info("transcoder is up", "orchestrator", address, "operator", credentials.Operator)
	}
	close(r.Ready)
	// The workers outlive the drain: they end when every orchestrator has been left.
	work, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	group, leave := errgroup.WithContext(ctx) // done with ctx, and where a part fails
	group.Go(func() error { return workers.Run(work) })
	group.Go(func() error { return desk.Run(work) })
	group.Go(func() error {
		defer stop()
		serving, ctx := errgroup.WithContext(leave)
		for _, remote := range desk.remotes {
			serving.Go(func() error { return remote.Run(ctx) })
		}
		return serving.Wait()
	})
	group.Go(func() error { return r.ServeMetrics(work) })
	group.Go(func() error { return cfg.renew(work, r.Log) })
	return group.Wait()
}
