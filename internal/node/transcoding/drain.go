package transcoding

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"castnet/internal/node/console"
	"castnet/internal/node/role"
)

// pidFile names, in a transcoder's folder, the process that works there.
const pidFile = "pid"

// Drain is the command `castnet transcoder drain`.
type Drain struct {
	DataDir string        `required:"" help:"The folder of the transcoder that is to leave." placeholder:"DIR" type:"path"`
	Wait    time.Duration `default:"1m" help:"Wait this long for it to have left."`
}

// Run asks the transcoder that works in the folder to drain, as SIGTERM does, and waits until it has left.
func (cfg *Drain) Run(ctx context.Context, con *console.Console) error {
	if err := working(cfg.DataDir); err != nil {
		return err
	}
	text, err := os.ReadFile(filepath.Join(cfg.DataDir, pidFile))
	if err != nil {
		return fmt.Errorf("which process works in %s: %w", cfg.DataDir, err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || pid <= 1 {
		return fmt.Errorf("%s names no process: %q", filepath.Join(cfg.DataDir, pidFile), text)
	}
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		return fmt.Errorf("tell process %d to drain: %w", pid, err)
	}
	_, _ = fmt.Fprintf(con.Err, "process %d is draining\n", pid)
	ctx, cancel := context.WithTimeout(ctx, cfg.Wait)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if works, err := role.InUse(cfg.DataDir); err == nil && !works {
				_, _ = fmt.Fprintln(con.Out, "the transcoder has left")
				return nil
			}
		case <-ctx.Done():
			return fmt.Errorf("process %d has not left within %v (--wait); it ends by itself after its --drain-timeout", pid, cfg.Wait)
		}
	}
}
