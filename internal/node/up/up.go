// Package up is `castnet up`, the whole network on one machine, and `castnet devchain`, the chain in it.
package up

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/ethereum/go-ethereum/params"
	"golang.org/x/sync/errgroup"

	"castnet/contracts/chain"
	"castnet/contracts/chain/deploy"
	"castnet/internal/identity"
	"castnet/internal/node/console"
	"castnet/internal/node/role"
)

// Config is the command `castnet up`: the whole network on one machine.
type Config struct {
	DataDir  string `default:"${state}/up" help:"Keep chain, keys and stores in this folder." placeholder:"DIR" type:"path"`
	Keys     string `help:"A file with further stream keys, a line each: KEY ID. The key demo works at once." placeholder:"FILE" type:"path"`
	Demo     bool   `help:"Publish a moving picture with sound, by RTMP, as the stream demo."`
	Bind     string `default:"127.0.0.1" help:"Serve streamers and viewers on this address; everything else stays on 127.0.0.1." placeholder:"HOST"`
	RTMP     int    `default:"1935" help:"Port of RTMP." placeholder:"PORT"`
	RTMPS    int    `default:"0" name:"rtmps" help:"Port of RTMP by TLS, with --tls-cert and --tls-key. 0: none." placeholder:"PORT"`
	TLSCert  string `name:"tls-cert" help:"The certificate for RTMPS, with its chain, as PEM." placeholder:"FILE" type:"path"`
	TLSKey   string `name:"tls-key" help:"The certificate's key, as PEM." placeholder:"FILE" type:"path"`
	HTTP     int    `default:"8080" help:"Port of the pages, LL-HLS, WHIP, WHEP and the API." placeholder:"PORT"`
	WebRTC   int    `default:"8189" name:"webrtc" help:"Port of WebRTC, UDP and TCP." placeholder:"PORT"`
	RTSP     int    `default:"8554" name:"rtsp" help:"Port of RTSP, and of its UDP with the next one; an even number." placeholder:"PORT"`
	SRT      int    `default:"8890" name:"srt" help:"Port of SRT, UDP." placeholder:"PORT"`
	Chain    int    `default:"8545" help:"Port of the chain's JSON-RPC." placeholder:"PORT"`
	Orch     int    `default:"8935" name:"orchestrators" help:"First of three ports of the orchestrators." placeholder:"PORT"`
	Metrics  int    `default:"9090" help:"First of five ports of the metrics: chain, broadcaster, orchestrators." placeholder:"PORT"`
	LogLevel string `default:"warn" enum:"debug,info,warn,error" help:"Log what is at least this important: debug, info, warn or error."`
	Ladder   string `help:"Renditions, instead of the default ladder: WIDTHxHEIGHT@BITRATE, comma-separated; then, where it is not H264, ':hevc' or ':av1', and '/2' for every second picture. 'none' passes the source through." placeholder:"LADDER"`
	// Economy of the local chain; the defaults suit a machine that somebody watches.
	FaceValue string        `default:"" help:"Upper bound of a ticket's face value, for example '0.00001 ETH': a lower one wins more often." placeholder:"AMOUNT"`
	Epoch     time.Duration `default:"10s" help:"Redeem winners in groups of this length at most."`
}

// The local network: who takes part, and what they begin with.
const (
	upOrchestrators = 3
	upDeposit       = 5  // ETH
	upReserve       = 30 // ETH
)

// upCast is what people call the orchestrators, and their own stakes in CAST.
var upCast = [upOrchestrators]struct { //nolint:gochecknoglobals // a constant table
	name  string
	stake int64
}{{"Rosa", 50}, {"Tycho", 30}, {"Ada", 20}}

// up is the local network while it is being raised.
type up struct {
	cfg      Config
	log      *slog.Logger
	out      io.Writer
	password string                   // file
	accounts map[string]*identity.Key // by the names of upRoles
	family   *family
}

// Run raises the whole network and holds it until ctx ends.
func (cfg *Config) Run(ctx context.Context, con *console.Console) error {
	shared := &lines{to: con.Err}
	log, err := role.NewLogger(role.Common{LogLevel: cfg.LogLevel}, shared)
	if err != nil {
		return err
	}
	if cfg.RTMPS != 0 && (cfg.TLSCert == "" || cfg.TLSKey == "") {
		return errors.New("--rtmps needs --tls-cert and --tls-key")
	}
	u := &up{cfg: *cfg, log: log, out: con.Out, accounts: make(map[string]*identity.Key)}
	if err := u.checkPorts(ctx); err != nil {
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
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	u.family = newFamily(ctx, fail, log, shared)
	began := time.Now()
	if err := u.raise(ctx); err != nil {
		fail(err)
	} else {
		u.summary(time.Since(began))
	}
	<-ctx.Done()
	u.family.stop()
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		return cause
	}
	return nil
}

// raise starts the children in the order in which they need each other.
func (u *up) raise(ctx context.Context) error {
	ready, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if err := u.makeKeys(); err != nil {
		return err
	}
	node := u.devchain()
	u.family.start(node) //nolint:contextcheck // the family ends its members itself, in order
	if err := node.await(ready); err != nil {
		return err
	}
	if err := u.economy(ready); err != nil {
		return fmt.Errorf("prepare the chain: %w", err)
	}
	var roles []*child
	for i := range upOrchestrators {
		roles = append(roles, u.orchestrator(i))
	}
	roles = append(roles, u.broadcaster())
	for _, c := range roles {
		u.family.start(c) //nolint:contextcheck // as above
	}
	for _, c := range roles {
		if err := c.await(ready); err != nil {
			return err
		}
	}
	if u.cfg.Demo {
		demo := &child{name: "demo", args: []string{"publish", "--url", u.rtmpURL("demo"), "--log-level", u.cfg.LogLevel}}
		u.family.start(demo) //nolint:contextcheck // as above
	}
	return nil
}

// checkPorts finds what is taken before anything is started.
func (u *up) checkPorts(ctx context.Context) error {
	type port struct {
		flag   string
		number int
	}
	ports := []port{{"--rtmp", u.cfg.RTMP}, {"--http", u.cfg.HTTP}, {"--webrtc", u.cfg.WebRTC}, {"--rtsp", u.cfg.RTSP}, {"--chain", u.cfg.Chain}}
	if u.cfg.RTMPS != 0 {
		ports = append(ports, port{"--rtmps", u.cfg.RTMPS})
	}
	for i := range upOrchestrators {
		ports = append(ports, port{"--orchestrators", u.cfg.Orch + i})
	}
	for i := range upOrchestrators + 2 {
		ports = append(ports, port{"--metrics", u.cfg.Metrics + i})
	}
	for _, p := range ports {
		listener, err := role.Listen(ctx, net.JoinHostPort("127.0.0.1", strconv.Itoa(p.number)), p.flag)
		if err != nil {
			return fmt.Errorf("%w: is another castnet running? %w", errNoPort, err)
		}
		_ = listener.Close()
	}
	return nil
}

func (u *up) path(name ...string) string {
	return filepath.Join(append([]string{u.cfg.DataDir}, name...)...)
}

func local(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

func (u *up) rpc() string { return "ws://" + local(u.cfg.Chain) }

func (u *up) rtmpURL(key string) string {
	return "rtmp://" + net.JoinHostPort(u.cfg.Bind, strconv.Itoa(u.cfg.RTMP)) + "/live/" + key
}

func (u *up) metrics(i int) string { return local(u.cfg.Metrics + i) }

// upRoles lists the accounts of the local network by the names of their key files.
func upRoles() []string {
	names := []string{"treasury", "broadcaster"}
	for _, o := range upCast {
		names = append(names, "owner-"+o.name, "operator-"+o.name)
	}
	return names
}

// makeKeys makes the accounts' key files where they are missing. A local network's keys protect nothing but its own
// play money, so the encryption is light and the password lies beside them.
func (u *up) makeKeys() error {
	if err := role.MakeDir(u.path("keys")); err != nil {
		return err
	}
	u.password = u.path("keys", "password")
	if _, err := os.Stat(u.password); errors.Is(err, os.ErrNotExist) {
		secret := make([]byte, 16)
		if _, err := rand.Read(secret); err != nil {
			return fmt.Errorf("make a password: %w", err)
		}
		if err := os.WriteFile(u.password, []byte(hex.EncodeToString(secret)+"\n"), 0o600); err != nil {
			return fmt.Errorf("write the password: %w", err)
		}
	}
	for _, name := range upRoles() {
		if err := u.makeKey(name); err != nil {
			return err
		}
	}
	return nil
}

func (u *up) makeKey(name string) (err error) {
	if _, err := os.Stat(u.keyFile(name)); errors.Is(err, os.ErrNotExist) {
		password, err := identity.ReadPassword(u.password)
		if err != nil {
			return err
		}
		key, err := identity.Generate()
		if err != nil {
			return err
		}
		u.accounts[name] = key
		return identity.SaveKey(key, u.keyFile(name), password, identity.Light())
	}
	u.accounts[name], err = identity.OpenKey(u.keyFile(name), u.password)
	return err
}

func (u *up) keyFile(name string) string { return u.path("keys", name+".json") }

func (u *up) owner(i int) *identity.Key { return u.accounts["owner-"+upCast[i].name] }

func (u *up) contracts() string { return u.path("contracts.json") }

// economy deploys the contracts, registers the orchestrators and funds the broadcaster, as far as it is not done yet.
func (u *up) economy(ctx context.Context) error {
	supply := []deploy.Allocation{}
	for i := range upCast {
		supply = append(supply, deploy.Allocation{Account: u.owner(i).Address(), Amount: ether(1000)})
	}
	addresses, err := deploy.Contracts(ctx, deploy.Config{
		URL: u.rpc(), File: u.contracts(), Signer: u.accounts["treasury"], Supply: supply, Log: u.log,
	})
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	for i := range upCast {
		group.Go(func() error { return u.register(ctx, addresses, i) })
	}
	group.Go(func() error { return u.fund(ctx, addresses) })
	return group.Wait()
}

// as runs f with a client that signs as one account.
func (u *up) as(ctx context.Context, addresses chain.Addresses, key *identity.Key, f func(context.Context, *chain.Client) error) error {
	client, err := chain.Dial(ctx, chain.Config{URL: u.rpc(), Addresses: addresses, Signer: key, Log: u.log})
	if err != nil {
		return err
	}
	running, stop := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- client.Run(running) }()
	err = f(ctx, client)
	stop()
	return errors.Join(err, <-done)
}

// register enters an orchestrator with its stake, or corrects its address after the ports have changed.
func (u *up) register(ctx context.Context, addresses chain.Addresses, i int) error {
	owner, operator := u.owner(i), u.accounts["operator-"+upCast[i].name]
	uri := fmt.Sprintf("https://%s#%s", local(u.cfg.Orch+i), upCast[i].name)
	return u.as(ctx, addresses, owner, func(ctx context.Context, c *chain.Client) error {
		known, ok, err := c.Staking().Orchestrator(ctx, owner.Address())
		switch {
		case err != nil:
			return err
		case !ok:
			_, err = c.Staking().Register(chain.Registration{
				Operator: operator.Address(), ServiceURI: uri, RewardCut: 100_000, FeeShare: 500_000, Stake: ether(upCast[i].stake),
			}).Send(ctx)
		case known.ServiceURI != uri:
			_, err = c.Staking().SetServiceURI(uri).Send(ctx)
		}
		if err != nil {
			return err
		}
		relayer, err := c.Broker().Relayer(ctx, owner.Address())
		if err == nil && relayer != operator.Address() {
			_, err = c.Broker().SetRelayer(operator.Address()).Send(ctx)
		}
		return err
	})
}

// fund gives the broadcaster a deposit and a reserve.
func (u *up) fund(ctx context.Context, addresses chain.Addresses) error {
	key := u.accounts["broadcaster"]
	return u.as(ctx, addresses, key, func(ctx context.Context, c *chain.Client) error {
		account, err := c.Broker().Sender(ctx, key.Address())
		if err != nil || account.Reserve.Sign() > 0 && account.Deposit.Cmp(ether(1)) > 0 {
			return err
		}
		reserve := big.NewInt(0)
		if account.Reserve.Sign() == 0 {
			reserve = ether(upReserve)
		}
		_, err = c.Broker().Fund(ether(upDeposit), reserve).Send(ctx)
		return err
	})
}

func ether(n int64) *big.Int { return new(big.Int).Mul(big.NewInt(n), big.NewInt(params.Ether)) }

func (u *up) devchain() *child {
	args := []string{
		"devchain", "--data-dir", u.path("chain"), "--listen", local(u.cfg.Chain), "--metrics", u.metrics(0), "--log-level", u.cfg.LogLevel,
	}
	for _, name := range upRoles() {
		args = append(args, "--fund", u.accounts[name].Address().Hex())
	}
	return &child{name: "chain", args: args, metrics: u.metrics(0)}
}

// account gives the flags of a role that signs.
func (u *up) account(name string) []string {
	return []string{
		"--rpc", u.rpc(), "--contracts", u.contracts(), "--keystore", u.keyFile(name), "--password-file", u.password,
		"--log-level", u.cfg.LogLevel,
	}
}

func (u *up) broadcaster() *child {
	at := func(port int) string { return net.JoinHostPort(u.cfg.Bind, strconv.Itoa(port)) }
	args := append([]string{
		"broadcaster", "--data-dir", u.path("broadcaster"), "--rtmp", at(u.cfg.RTMP), "--http", at(u.cfg.HTTP), "--webrtc", at(u.cfg.WebRTC),
		"--rtsp", at(u.cfg.RTSP), "--srt", at(u.cfg.SRT), "--metrics", u.metrics(1), "--demo-key",
	}, u.account("broadcaster")...)
	if u.cfg.Keys != "" {
		args = append(args, "--keys", u.cfg.Keys)
	}
	if u.cfg.RTMPS != 0 {
		args = append(args, "--rtmps", at(u.cfg.RTMPS), "--tls-cert", u.cfg.TLSCert, "--tls-key", u.cfg.TLSKey)
	}
	if u.cfg.Ladder != "" {
		args = append(args, "--ladder", u.cfg.Ladder)
	}
	return &child{name: "broadcaster", args: args, metrics: u.metrics(1)}
}

func (u *up) orchestrator(i int) *child {
	name := upCast[i].name
	args := append([]string{
		"orchestrator", "run", "--data-dir", u.path("orchestrator-" + name), "--listen", local(u.cfg.Orch + i),
		"--owner", u.owner(i).Address().Hex(), "--metrics", u.metrics(2 + i), "--epoch", u.cfg.Epoch.String(),
		"--confirmations", "0", "--min-return", "0", // the chain is this machine's own, and its gas is free
		// Three orchestrators and their customer share this machine, so what one could do alone says nothing: they try.
		"--megapixels", "1000",
	}, u.account("operator-"+name)...)
	if u.cfg.FaceValue != "" {
		args = append(args, "--face-value", u.cfg.FaceValue)
	}
	return &child{name: "orchestrator " + name, args: args, metrics: u.metrics(2 + i)}
}

// summary is what a newcomer reads.
func (u *up) summary(took time.Duration) {
	at := func(port int) string { return net.JoinHostPort(u.cfg.Bind, strconv.Itoa(port)) }
	page := "http://" + at(u.cfg.HTTP)
	_, _ = fmt.Fprintf(u.out, `
Castnet is up (%.1f s): a chain, three orchestrators, one broadcaster.

  Push     %s
           OBS: server rtmp://%s/live, stream key demo
           ffmpeg -re -i FILE -c:v libx264 -g 60 -c:a aac -f flv %s
           or WHIP %s/whip/demo, rtsp://%s/live/demo, srt://%s?streamid=publish:demo
  Watch    %s, or rtsp://%s/demo
  Metrics  http://%s/metrics (broadcaster)
  State    %s

Ctrl-C ends it.
`, took.Seconds(), u.rtmpURL("demo"), at(u.cfg.RTMP), u.rtmpURL("demo"), page, at(u.cfg.RTSP), at(u.cfg.SRT), page, at(u.cfg.RTSP),
		u.metrics(1), u.cfg.DataDir)
}
