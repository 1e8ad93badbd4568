// Package publishing is `castnet publish`: a clip, played to a server by RTMP for as long as one likes.
package publishing

import (
	"context"
	"log/slog"
	"net/url"
	"time"

	"castnet/broadcaster/restream"
	"castnet/internal/node/console"
	"castnet/internal/node/demo"
	"castnet/internal/node/role"
)

// Config is the command `castnet publish`.
type Config struct {
	URL      string `required:"" name:"url" help:"Publish to this RTMP address: rtmp://HOST/live/KEY." placeholder:"URL"`
	File     string `default:"" help:"Publish this MP4 file (H264, AAC), looped. Empty: the clip that comes with the program." placeholder:"FILE" type:"path"`
	LogLevel string `default:"info" enum:"debug,info,warn,error" help:"Log what is at least this important: debug, info, warn or error."`
	LogJSON  bool   `help:"Log JSON lines instead of text."`
}

// Pauses between attempts: doubled from the first to the longest, from the first again after one that lasted longer.
const (
	firstPause   = 250 * time.Millisecond
	longestPause = 5 * time.Second
)

// Run publishes a clip in real time, looped, until ctx ends. Where the server goes away it comes back; it
// returns an error where that cannot help.
func (cfg *Config) Run(ctx context.Context, con *console.Console) error {
	log, err := role.NewLogger(role.Common{LogLevel: cfg.LogLevel, LogJSON: cfg.LogJSON}, con.Err)
	if err != nil {
		return err
	}
	clip, err := cfg.clip()
	if err != nil {
		return err
	}
	p := &publication{url: cfg.URL, clip: clip, log: log.With("server", host(cfg.URL))}
	return p.run(ctx)
}

func (cfg *Config) clip() (*demo.Clip, error) {
	if cfg.File == "" {
		return demo.Default()
	}
	return demo.Load(cfg.File)
}

// host is what may be shown of the address: what follows is the stream key.
func host(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Host
}

// publication is a clip on its way to a server.
type publication struct {
	url  string
	clip *demo.Clip
	log  *slog.Logger

	told string // the last trouble that was logged: each is told once
}

func (p *publication) run(ctx context.Context) error {
	pause := firstPause
	for ctx.Err() == nil {
		began := time.Now()
		err := p.once(ctx)
		if err == nil || restream.Permanent(err) {
			return err
		}
		if ctx.Err() == nil && p.told != err.Error() {
			p.told = err.Error()
			p.log.Warn("cannot publish, trying again until it works", "err", err)
		}
		if time.Since(began) > longestPause {
			pause = firstPause
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
		pause = min(2*pause, longestPause)
	}
	return nil
}

// once publishes until the connection ends, or ctx: that is no error. Each connection begins at the clip's first picture.
func (p *publication) once(ctx context.Context) error {
	publisher, err := restream.Dial(ctx, p.url, p.clip.Tracks())
	if err != nil {
		return err
	}
	p.told = ""
	p.log.Info("publishing", "clip", p.clip.Length())
	err = p.clip.Play(ctx, 0, publisher.Write)
	if ctx.Err() != nil {
		return publisher.Close()
	}
	publisher.Abort() // the server is gone already: no goodbye
	return err
}
