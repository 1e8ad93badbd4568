// Package broadcasting is `castnet broadcaster`: a broadcaster's rooms, put together, and its ports.
package broadcasting

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"castnet/broadcaster"
	"castnet/broadcaster/api"
	"castnet/broadcaster/playback"
	"castnet/broadcaster/restream"
	"castnet/ingest/rtsp"
	"castnet/internal/node/books"
	"castnet/internal/node/console"
	"castnet/internal/node/onchain"
	"castnet/internal/node/role"
	"castnet/internal/ports"
	payments "castnet/probabilistic-payments"
	"castnet/probabilistic-payments/ledger"
	"castnet/probabilistic-payments/store"
	"castnet/transcoder/worker"
)

// Config is the command `castnet broadcaster`.
type Config struct {
	role.Common      `embed:""`
	role.ChainAccess `embed:""`
	DataDir          string   `required:"" help:"Keep what must survive this process (tickets, nonces) in this folder." placeholder:"DIR" type:"path"`
	RTMP             string   `default:"127.0.0.1:1935" help:"Take RTMP publishers here." placeholder:"ADDR"`
	RTMPS            string   `name:"rtmps" help:"Take RTMP publishers by TLS here too, with --tls-cert and --tls-key. Empty: nowhere." placeholder:"ADDR"`
	TLSCert          string   `name:"tls-cert" help:"The certificate for RTMPS, with its chain, as PEM." placeholder:"FILE" type:"path"`
	TLSKey           string   `name:"tls-key" help:"The certificate's key, as PEM." placeholder:"FILE" type:"path"`
	HTTP             string   `default:"127.0.0.1:8080" help:"Serve the pages, LL-HLS, WHIP, WHEP and the API here." placeholder:"ADDR"`
	WebRTC           string   `default:"127.0.0.1:8189" name:"webrtc" help:"Serve WebRTC here, UDP and TCP." placeholder:"ADDR"`
	ICEServers       []string `name:"ice-server" sep:"none" help:"Tell publishers and viewers by WebRTC to use this STUN or TURN server: 'stun:HOST:PORT', 'turn:HOST:PORT USER PASSWORD'. May be given several times." placeholder:"URL"`
	RTSP             string   `default:"127.0.0.1:8554" name:"rtsp" help:"Take and serve RTSP here, with UDP on this port, which must be even, and the next. Empty: nowhere." placeholder:"ADDR"`
	SRT              string   `default:"127.0.0.1:8890" name:"srt" help:"Take SRT publishers here, by UDP: stream id publish:KEY. Empty: nowhere." placeholder:"ADDR"`
	SRTSecret        string   `name:"srt-passphrase" help:"Take only SRT that is encrypted with this passphrase, 10 to 79 bytes." placeholder:"TEXT"`
	Keys             string   `help:"The file with the stream keys, a line each: KEY ID, where to push it on: push=URL, push:RENDITION=URL, or where to pull it from by RTSP: pull=URL. IDs are public, keys are not." placeholder:"FILE" type:"path"`
	DemoKey          bool     `help:"Let anybody publish the stream demo with the key demo."`
	books.Storage    `embed:""`
	Spending         `embed:""`
	Limits           `embed:""`
	Ladder           string `help:"Renditions, instead of the default ladder: WIDTHxHEIGHT@BITRATE, comma-separated; then, where it is not H264, ':hevc' or ':av1', and '/2' for every second picture. 'none' passes the source through." placeholder:"LADDER"`

	Audits int           `default:"0" help:"Look at so many pieces of orchestrators' work at once; each takes a core. What finds no place is paid without. 0: half of the cores." placeholder:"N"`
	Grace  time.Duration `default:"10s" name:"reconnect-grace" help:"Let a publisher whose connection broke come back for so long: its stream goes on. 0 ends it at once; at most 20s."`
	DVR    time.Duration `default:"20s" name:"dvr" help:"Let viewers by HLS go back so far. What they can go back to is kept in memory, of the source and every rendition, up to --max-dvr-mib." placeholder:"TIME"`
}

// node is a broadcaster's rooms, put together.
type node struct {
	*role.Role
	cfg     Config
	chain   *role.OnChain
	workers *worker.Pool
	money   store.Store
	sender  *payments.Sender
	book    *ledger.Ledger
	network *network
	stakes  stakeBooks
	views   *views
	onward  restreams
	sources []rtsp.Source // that are pulled
	proxies ports.Proxies // that are trusted
	b       *broadcaster.Broadcaster
}

// Run runs a broadcaster until ctx ends.
func (cfg *Config) Run(ctx context.Context, con *console.Console) error {
	r, err := role.New("broadcaster", cfg.Common, con.Err)
	if err != nil {
		return err
	}
	keys, err := readKeys(cfg.Keys, cfg.DemoKey)
	if err != nil {
		return err
	}
	ladder, err := parseLadder(cfg.Ladder)
	if err != nil {
		return err
	}
	if err := cfg.positive(); err != nil {
		return err
	}
	if cfg.Audits < 0 {
		return fmt.Errorf("--audits is %d: at least 1 is needed, or 0 for half of the cores", cfg.Audits)
	}
	if err := role.MakeDir(cfg.DataDir); err != nil {
		return err
	}
	unlock, err := role.LockDir(cfg.DataDir)
	if err != nil {
		return err
	}
	defer unlock()
	n := &node{Role: r, cfg: *cfg, sources: keys.sources, onward: restreams{keys: keys}}
	if n.proxies, err = cfg.proxies(); err != nil {
		return err
	}
	if n.chain, err = r.DialChain(ctx, cfg.ChainAccess); err != nil {
		return err
	}
	if err := n.signFor(ctx, cfg.Account); err != nil {
		return err
	}
	if n.money, err = cfg.Open(ctx, cfg.DataDir, n.chain.Account, r.Log); err != nil {
		return err
	}
	defer func() { _ = n.money.Close() }() // every commit is durable already
	if err := n.payer(ctx); err != nil {
		return err
	}
	metrics, err := playback.NewMetrics(r.Registerer())
	if err != nil {
		return err
	}
	if n.workers, err = localWorkers(r, audioConverters); err != nil {
		return err
	}
	if n.onward.server, err = restream.New(restream.Config{Targets: keys.targets, MaxAdded: cfg.MaxPushTargets, Logger: r.Log, Registerer: r.Registerer()}); err != nil {
		return fmt.Errorf("%w (--keys, --max-push-targets)", err)
	}
	n.network = &network{client: n.chain.Client, now: time.Now}
	n.b, err = broadcaster.New(broadcaster.Config{
		Signer: n.chain.Key, Domain: n.chain.Domain, ChainID: n.chain.Client.ChainID(),
		Keys: keys, Network: n.network, Payer: n.sender, Books: books.Bought{Ledger: n.book}, Local: n.workers, Ladder: ladder,
		Started: n.onward.server.Begin, Audits: cfg.Audits,
		ReconnectGrace: cmp.Or(cfg.Grace, -1), MaxPublishers: cfg.MaxPublishers, MaxPublishersPerAddress: cfg.MaxPublishersA,
		Logger: r.Log, Registerer: r.Registerer(), Playback: metrics,
	})
	if err != nil {
		return err
	}
	if n.stakes, err = openStakes(ctx, n.chain.Client, cfg.DataDir, cfg.RPC); err != nil {
		return err
	}
	defer func() { _ = n.stakes.file.Close() }() // it can be made anew from the chain
	n.views = newViews(n.b, n.chain, n.sender, n.stakes, r.Log)
	n.views.targets = n.onward.Targets
	return n.run(ctx, metrics)
}

// payer sets up who signs tickets, and the ledger.
func (n *node) payer(ctx context.Context) error {
	holder, err := books.HolderName(n.cfg.DataDir)
	if err != nil {
		return err
	}
	if n.book, err = ledger.Open(ctx, filepath.Join(n.cfg.DataDir, books.LedgerFile), n.money.History, n.Log); err != nil {
		return err
	}
	n.sender, err = payments.NewSender(ctx, payments.SenderConfig{
		Signer: n.chain.Key, Account: n.chain.Account, Domain: n.chain.Domain, Store: n.money, Holder: holder,
		Accounts: onchain.NewAccounts(n.chain.Client.Broker()), Limits: n.cfg.limits(), Observer: n.book, Log: n.Log, Registerer: n.Registerer(),
	})
	return err
}

// audioConverters bounds the audio that one broadcaster converts at once; one takes about 1 % of a core.
const audioConverters = 256

// localWorkers makes the pool of worker processes on this machine's processor.
func localWorkers(r *role.Role, maxSessions int) (*worker.Pool, error) {
	binary, err := worker.FindBinary()
	if err != nil {
		return nil, err
	}
	return worker.New(worker.Config{Binary: binary, MaxSessions: maxSessions, Logger: r.Log, Registerer: r.Registerer()})
}

// run opens the ports and serves until ctx ends.
func (n *node) run(ctx context.Context, metrics *playback.Metrics) error {
	ways, err := n.openWays(ctx, metrics)
	if err != nil {
		return err
	}
	defer func() { _ = ways.host.Close() }() // nobody is left who uses it
	site, err := n.site(ways)
	if err != nil {
		return err
	}
	ways.pages.Handle("/", site)
	allocating, err := n.allocating()
	if err != nil {
		return err
	}

	group, ctx := errgroup.WithContext(ctx)
	for _, part := range append([]func(context.Context) error{
		n.chain.Client.Run, n.workers.Run, n.b.Run, n.onward.server.Run, n.sender.Run, allocating, n.book.Run, books.Keep(n.money, &n.cfg.Storage, n.Log),
		site.Run, n.stakes.follower.Run, n.views.run, n.ServeMetrics,
	}, ways.parts...) {
		group.Go(func() error { return part(ctx) })
	}
	n.Log.Info("broadcaster is up", "rtmp", n.cfg.RTMP, "http", n.cfg.HTTP, "webrtc", n.cfg.WebRTC, "rtsp", n.cfg.RTSP, "srt", n.cfg.SRT, "account", n.chain.Account)
	close(n.Ready)
	if err := group.Wait(); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// site makes the pages and the API behind them.
func (n *node) site(w *ways) (*api.Server, error) {
	status := api.StatusView{Version: version(), StartedAt: time.Now(), Ways: w.in, Playback: w.out}
	if n.cfg.DemoKey {
		status.DemoKey = demo
	}
	return api.New(api.Config{
		Streams: n.views, Network: n.views, Stakes: n.stakes, Restreams: n.onward, Status: status, Logger: n.Log, Registerer: n.Registerer(),
	})
}
