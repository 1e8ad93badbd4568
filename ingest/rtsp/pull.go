package rtsp

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/bluenviron/gortsplib/v4"
	"github.com/bluenviron/gortsplib/v4/pkg/base"
	"github.com/bluenviron/gortsplib/v4/pkg/description"
	"github.com/prometheus/client_golang/prometheus"

	"castnet/ingest"
)

// Source is a stream on another server.
type Source struct {
	// Key is the stream key that it is published with here.
	Key string
	// URL is rtsp://user:password@host/path, or rtsps: it holds secrets.
	URL string
	// Transport is "tcp", "udp", or empty for UDP where it works.
	Transport string
}

// Check says what is wrong with a source, without its secrets.
func (s Source) Check() error {
	u, err := base.ParseURL(s.URL)
	if err != nil || u.Host == "" {
		return errors.New("the address cannot be read: want rtsp://USER:PASSWORD@HOST/PATH, or rtsps")
	}
	if !slices.Contains([]string{"", "tcp", "udp"}, s.Transport) {
		return fmt.Errorf("the transport is %.10q: want tcp or udp", s.Transport)
	}
	return nil
}

// PullConfig is what a Puller needs. Fields with a default may be left zero.
type PullConfig struct {
	// Sources are all that are pulled.
	Sources []Source
	// Gate decides who may publish.
	Gate ingest.Gate
	// Logger gets a line for each source that comes and goes; never its secrets.
	Logger *slog.Logger
	// Registerer gets the castnet_ingest_ metrics.
	Registerer prometheus.Registerer
	// FirstPause (1 s) is waited after a connection ends, and doubled up to LongestPause (30 s) while no stream comes that
	// lasts for longer than was waited for it.
	FirstPause, LongestPause time.Duration
	// IdleTimeout ends a connection on which nothing comes for so long (10 s).
	IdleTimeout time.Duration
	// Now is the clock (time.Now).
	Now func() time.Time
}

func (c *PullConfig) validate() error {
	if c.Gate == nil || c.Logger == nil || c.Registerer == nil {
		return errors.New("rtsp: PullConfig needs Gate, Logger and Registerer")
	}
	for _, s := range c.Sources {
		if err := s.Check(); err != nil {
			return fmt.Errorf("rtsp: pull: %w", err)
		}
	}
	if c.FirstPause < 0 || c.LongestPause < 0 || c.IdleTimeout < 0 {
		return fmt.Errorf("rtsp: FirstPause %v, LongestPause %v and IdleTimeout %v must be positive, or 0 for the default",
			c.FirstPause, c.LongestPause, c.IdleTimeout)
	}
	c.FirstPause = cmp.Or(c.FirstPause, time.Second)
	c.LongestPause = cmp.Or(c.LongestPause, 30*time.Second)
	c.IdleTimeout = cmp.Or(c.IdleTimeout, 10*time.Second)
	if c.Now == nil {
		c.Now = time.Now
	}
	return nil
}

// Puller plays streams of other servers, and publishes them here. It comes back to those that go away.
type Puller struct {
	cfg     PullConfig
	metrics *ingest.Metrics
}

// NewPuller makes a puller.
func NewPuller(cfg PullConfig) (*Puller, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	metrics, err := ingest.NewMetrics(cfg.Registerer, "rtsp-pull")
	if err != nil {
		return nil, fmt.Errorf("rtsp: metrics: %w", err)
	}
	return &Puller{cfg: cfg, metrics: metrics}, nil
}

// Run pulls until ctx ends.
func (p *Puller) Run(ctx context.Context) error {
	var all sync.WaitGroup
	for _, s := range p.cfg.Sources {
		all.Go(func() { p.follow(ctx, s) })
	}
	all.Wait()
	return nil
}

// follow pulls one source, again and again.
func (p *Puller) follow(ctx context.Context, s Source) {
	u, err := base.ParseURL(s.URL)
	if err != nil {
		return // it was checked
	}
	log := p.cfg.Logger.With("source", u.Scheme+"://"+u.Host)
	pause := p.cfg.FirstPause
	told := ""
	for ctx.Err() == nil {
		began := p.cfg.Now()
		played, err := p.once(ctx, u, s, log)
		if ctx.Err() != nil {
			return
		}
		if played && p.cfg.Now().Sub(began) > pause {
			pause, told = p.cfg.FirstPause, ""
		}
		if words := veiled(err, u); words != told { // each trouble is told once
			told = words
			log.Warn("cannot pull a stream, trying again until it works", "err", words)
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
		pause = min(2*pause, p.cfg.LongestPause)
	}
}

// veiled is an error's words without the secrets of an address.
func veiled(err error, u *base.URL) string {
	words := err.Error()
	if u.User != nil {
		password, _ := u.User.Password()
		for _, secret := range []string{u.User.String(), password, u.User.Username()} {
			if secret != "" {
				words = strings.ReplaceAll(words, secret, "…")
			}
		}
	}
	return words
}

// once pulls a source over one connection. It returns whether it played, and why that ended.
func (p *Puller) once(ctx context.Context, u *base.URL, s Source, log *slog.Logger) (played bool, err error) {
	p.metrics.Connections.Inc()
	defer p.metrics.Connections.Dec()
	client := &gortsplib.Client{
		Scheme: u.Scheme, Host: u.Host, ReadTimeout: p.cfg.IdleTimeout, WriteTimeout: p.cfg.IdleTimeout, UserAgent: "castnet",
	}
	if s.Transport != "" {
		transport := map[string]gortsplib.Transport{"tcp": gortsplib.TransportTCP, "udp": gortsplib.TransportUDP}[s.Transport]
		client.Transport = &transport
	}
	if err := client.Start2(); err != nil {
		return false, err
	}
	ctx, end := context.WithCancel(ctx)
	closed := make(chan struct{})
	context.AfterFunc(ctx, func() {
		client.Close()
		close(closed)
	})
	defer func() {
		end()
		<-closed
	}()
	described, _, err := client.Describe(u)
	if err != nil {
		return false, err
	}
	plan, err := choose(described)
	if err != nil {
		return false, err
	}
	sink, err := p.cfg.Gate.Publish(ctx, ingest.Request{Protocol: "rtsp-pull", Key: s.Key, Remote: u.Host})
	if err != nil {
		return false, err
	}
	publisher, err := newPublisher(sink, plan, p.metrics, p.cfg.Now)
	if err != nil {
		sink.Close(err)
		return false, err
	}
	publisher.log = log
	p.metrics.Publishers.Inc()
	defer p.metrics.Publishers.Dec()
	played, err = p.play(client, described, publisher, end)
	publisher.close(errors.New(veiled(err, u)), false) // it is waited for, whatever it said
	return played, err
}

// play takes packets until the connection ends. It returns whether there were to be any, and why it ended.
func (p *Puller) play(client *gortsplib.Client, d *description.Session, publisher *publisher, end func()) (played bool, err error) {
	for _, m := range publisher.plan.medias() {
		if _, err := client.Setup(d.BaseURL, m, 0, 0); err != nil {
			return false, err
		}
	}
	publisher.listen(client, end)
	if _, err := client.Play(nil); err != nil {
		return false, err
	}
	publisher.log.Info("a stream is pulled")
	if err := client.Wait(); err != nil {
		return true, err
	}
	return true, errors.New("the server ended the stream")
}
