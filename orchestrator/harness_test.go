package orchestrator_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
	"github.com/prometheus/client_golang/prometheus"

	"castnet/internal/eip712"
	"castnet/internal/identity"
	"castnet/internal/media"
	"castnet/internal/receipt"
	"castnet/orchestrator"
	"castnet/orchestrator/rpc"
	"castnet/orchestrator/store"
	payments "castnet/probabilistic-payments"
	"castnet/probabilistic-payments/store/sqlite"
	"castnet/test/port"
	"castnet/transcoder"
)

const chainID = 1337

// owner is the orchestrator's address in Staking.
var owner = common.HexToAddress("0x00000000000000000000000000000000000000aa")

func domain() receipt.Domain { return eip712.NewDomain(chainID, common.Address{0xbb}) }

// ladder has two rungs of a 640x360 source.
func ladder() transcoder.Ladder {
	return transcoder.Ladder{
		{Name: "360p", Codec: media.H264, Width: 640, Height: 360, Bitrate: 800_000, Divisor: 1},
		{Name: "180p", Codec: media.H264, Width: 320, Height: 180, Bitrate: 300_000, Divisor: 1},
	}
}

func source() *media.Track {
	return &media.Track{Codec: media.H264, ClockRate: media.VideoClockRate, Width: 640, Height: 360, FrameRate: 30}
}

func prices() receipt.Prices {
	wei := func(v uint64) uint256.Int { return *uint256.NewInt(v) }
	return receipt.Prices{H264: wei(1_000_000), HEVC: wei(2_000_000), AV1: wei(3_000_000), Source: wei(100_000), MiB: wei(1000)}
}

// fixed are prices that everybody is asked for.
type fixed receipt.Prices

func (f fixed) Prices(common.Address) (receipt.Prices, error) { return receipt.Prices(f), nil }

// hotKeys are signers that an account has authorised for ever.
type hotKeys map[common.Address]common.Address // account by signer

func (h hotKeys) SignerUntil(_ context.Context, account, signer common.Address) (uint64, error) {
	if h[signer] == account {
		return 1 << 63, nil
	}
	return 0, nil
}

// rich is a chain on which everybody has money.
type rich struct{ share uint256.Int }

func (r rich) Account(context.Context, common.Address, common.Address, uint64) (payments.Account, error) {
	return payments.Account{Deposit: r.share, Reserve: r.share, Share: r.share}, nil
}

func (rich) GasPrice(context.Context) (uint256.Int, error) { return *uint256.NewInt(1), nil }

func (rich) Round(context.Context) (round, lastExpiry uint64, err error) { return 7, 0, nil }

// network is one orchestrator, served over loopback, with its money and stores.
type network struct {
	t        *testing.T
	dir      string
	operator *identity.Key
	account  *identity.Key // the broadcaster's
	sender   *payments.Sender
	chain    rich
	prices   receipt.Prices
	limits   orchestrator.Limits
	policy   payments.Policy
	signers  hotKeys
	work     transcoder.Transcoder // a member of the fleet; nil: an empty fleet

	address string
	metrics *prometheus.Registry
	tokens  *store.SQLite
	fleet   *orchestrator.Fleet
	stop    func() // ends the orchestrator's process, as it were
}

func newNetwork(t *testing.T, work transcoder.Transcoder, change ...func(*network)) *network {
	t.Helper()
	n := &network{
		t: t, dir: t.TempDir(), work: work, prices: prices(), chain: rich{*uint256.NewInt(1e18)},
		operator: generate(t), account: generate(t),
		policy: payments.Policy{GasPriceFloor: *uint256.NewInt(1000)},
	}
	for _, c := range change {
		c(n)
	}
	money := n.openMoney("sender.db")
	var err error
	n.sender, err = payments.NewSender(t.Context(), payments.SenderConfig{
		Signer: n.account, Domain: domain(), Store: money, Accounts: n.chain, Holder: "test",
		Log: n.log(), Registerer: prometheus.NewRegistry(),
	})
	n.check(err)
	n.start()
	return n
}

func generate(t *testing.T) *identity.Key {
	t.Helper()
	key, err := identity.Generate()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func (n *network) check(err error) {
	n.t.Helper()
	if err != nil {
		n.t.Fatal(err)
	}
}

func (n *network) log() *slog.Logger {
	return slog.New(slog.NewTextHandler(n.t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))
}

func (n *network) openMoney(name string) *sqlite.Store {
	n.t.Helper()
	s, err := sqlite.Open(n.t.Context(), filepath.Join(n.dir, name))
	n.check(err)
	n.t.Cleanup(func() { _ = s.Close() })
	return s
}

// start runs the orchestrator over the stores of the directory; after stop, as a new process would.
func (n *network) start() {
	n.t.Helper()
	ctx, cancel := context.WithCancel(n.t.Context())
	log := n.log()
	recipient, err := payments.NewRecipient(ctx, payments.RecipientConfig{
		Domain: domain(), Address: owner, Store: n.openMoney("recipient.db"), Accounts: n.chain, Gas: n.chain, Policy: n.policy, Signers: n.signers,
		Log: log, Registerer: prometheus.NewRegistry(),
	})
	n.check(err)
	receipts, err := store.OpenSQLite(ctx, filepath.Join(n.dir, "orchestrator.db"))
	n.check(err)
	n.tokens, n.fleet = receipts, &orchestrator.Fleet{}
	if n.work != nil {
		n.fleet.Add(n.work)
	}
	authority, err := orchestrator.LoadAuthority(filepath.Join(n.dir, "authority.pem"), receipts, n.fleet)
	n.check(err)
	n.metrics = prometheus.NewRegistry()
	o, err := orchestrator.New(orchestrator.Config{
		ID: owner, Signer: n.operator, Domain: domain(), Transcoder: n.fleet, Recipient: recipient, Rounds: n.chain, Store: receipts,
		Pricer: fixed(n.prices), Signers: n.signers, Limits: n.limits, Logger: log, Registerer: n.metrics,
	})
	n.check(err)
	server, err := rpc.NewServer(rpc.ServerConfig{
		Handler: o, Pool: authority, ClientCAs: authority.ClientCAs(), Operator: n.operator, ChainID: chainID, Logger: log,
	})
	n.check(err)
	if n.address == "" { // a restarted process has its old address
		n.address = port.Free(n.t)
	}
	ln := port.Listen(n.t, n.address)
	done := make(chan error, 1)
	go func() { done <- server.Run(ctx, ln) }()
	stopped := false
	n.stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			n.t.Error(err)
		}
		n.check(receipts.Close())
	}
	n.t.Cleanup(n.stop)
}

func (n *network) dial() *rpc.Client {
	n.t.Helper()
	c, err := rpc.Dial(rpc.DialConfig{Address: n.address, Operator: n.operator.Address(), ChainID: chainID})
	n.check(err)
	n.t.Cleanup(func() { _ = c.Close() })
	return c
}

// ask is a signed quote request; change edits it before it is signed.
func (n *network) ask(serial uint64, change ...func(*rpc.QuoteAsk)) rpc.QuoteAsk {
	n.t.Helper()
	ask := rpc.QuoteAsk{
		Request: receipt.QuoteRequest{
			Broadcaster: n.account.Address(), Orchestrator: owner, Stream: common.Hash{1, 2, 3}, Lane: n.sender.Lane(),
			Serial: serial, IssuedAt: uint64(time.Now().Unix()),
		},
		Ladder: ladder(), Source: source(),
	}
	for _, c := range change {
		c(&ask)
	}
	ask.Complete()
	ask.Signature = n.sign(ask.Request.Hash())
	return ask
}

func (n *network) sign(hash common.Hash) []byte {
	n.t.Helper()
	signature, err := receipt.Sign(n.account, domain(), hash)
	n.check(err)
	return signature
}

// broadcaster is the other side of one lease.
type broadcaster struct {
	*network
	client *rpc.Client
	signed rpc.SignedLease
	lease  common.Hash
	stream *rpc.Stream
}

// open quotes and opens a lease.
func (n *network) open(serial uint64) *broadcaster {
	n.t.Helper()
	b, err := n.tryOpen(serial)
	n.check(err)
	return b
}

// tryOpen is open where a refusal is no surprise.
func (n *network) tryOpen(serial uint64) (*broadcaster, error) {
	n.t.Helper()
	b := &broadcaster{network: n, client: n.dial()}
	var err error
	if b.signed, err = b.client.Quote(n.t.Context(), n.ask(serial)); err != nil {
		return nil, err
	}
	b.lease = b.signed.Lease.Hash()
	if b.stream, err = b.client.Transcode(n.t.Context(), b.opening()); err != nil {
		return nil, err
	}
	n.t.Cleanup(b.stream.Close)
	return b, nil
}

func (b *broadcaster) opening() rpc.Open {
	b.t.Helper()
	return rpc.Open{
		Lease: b.signed, Countersignature: b.sign(b.signed.Lease.Hash()), Ladder: ladder(), Source: source(),
	}
}

func (b *broadcaster) send(up rpc.Up) {
	b.t.Helper()
	b.check(b.stream.Send(up))
}

func (b *broadcaster) recv() rpc.Down {
	b.t.Helper()
	down, err := b.stream.Recv()
	b.check(err)
	return down
}

// segmentLength is the pictures of the segments here.
const segmentLength = 6

// units are the pictures of a segment, the first of them a key.
func units(seq uint64) []*media.Unit {
	list := make([]*media.Unit, segmentLength)
	for i := range list {
		pts := (int64(seq)*segmentLength + int64(i)) * 3000
		list[i] = &media.Unit{PTS: pts, DTS: pts, Key: i == 0, Payload: fmt.Appendf(nil, "unit %d of segment %d", i, seq)}
	}
	return list
}

// part is one attempt at a segment, as this side sees it.
type part struct {
	source receipt.Source
	tree   *receipt.Merkle
	pts    []int64
}

// begin starts an attempt and sends its pictures, those in prefix first.
func (b *broadcaster) begin(start transcoder.StartSegment, prefix ...*media.Unit) *part {
	b.t.Helper()
	start.Track = source()
	return b.feed(start, units(start.Seq), prefix...)
}

// feed starts an attempt with these pictures.
func (b *broadcaster) feed(start transcoder.StartSegment, list []*media.Unit, prefix ...*media.Unit) *part {
	b.t.Helper()
	start.FirstPTS = list[0].PTS
	p := &part{tree: receipt.NewMerkle(receipt.SourceID()), source: receipt.Source{
		Lease: b.lease, Seq: start.Seq, Attempt: start.Attempt, ResumeAfter: start.ResumeAfter,
		Width: uint32(start.Track.Width), Height: uint32(start.Track.Height), PrefixFrames: uint32(len(prefix)),
	}}
	b.send(start)
	for _, u := range prefix {
		b.send(transcoder.WriteUnit{Unit: u, Prefix: true})
		p.source.Bytes += uint64(len(u.Payload))
	}
	for _, u := range list {
		b.send(transcoder.WriteUnit{Unit: u})
		p.tree.Add(u)
		p.pts = append(p.pts, u.PTS)
		p.source.Frames++
		p.source.Bytes += uint64(len(u.Payload))
	}
	p.source.Root, p.source.PTSRoot = p.tree.Root(), receipt.PTSRoot(p.pts)
	return p
}

// end signs what was sent, after change.
func (b *broadcaster) end(p *part, change ...func(*receipt.Source)) {
	b.t.Helper()
	for _, c := range change {
		c(&p.source)
	}
	b.send(rpc.EndSegment{Source: p.source, Signature: b.sign(p.source.Hash()), Drain: true})
}

// segment sends a whole segment.
func (b *broadcaster) segment(seq uint64) *part {
	b.t.Helper()
	p := b.begin(transcoder.StartSegment{Seq: seq, Attempt: 1, Fresh: seq == 0})
	b.end(p)
	return p
}

// collected is what came down until a message that was waited for.
type collected struct {
	units []*receipt.Merkle
	pts   [][]int64
}

// until reads on to the next message of type T, and collects the pictures before it.
func until[T any](b *broadcaster) (T, *collected) {
	b.t.Helper()
	c := &collected{pts: make([][]int64, len(ladder()))}
	for _, r := range rpc.Rungs(ladder()) {
		c.units = append(c.units, receipt.NewMerkle(r.Hash()))
	}
	for {
		switch m := b.recv().(type) {
		case T:
			return m, c
		case transcoder.Rendered:
			c.units[m.Rendition].Add(m.Unit)
			c.pts[m.Rendition] = append(c.pts[m.Rendition], m.Unit.PTS)
		case transcoder.Progress:
		default:
			b.t.Fatalf("unexpected %T: %+v", m, m)
		}
	}
}

// verify checks a receipt as a broadcaster does.
func (b *broadcaster) verify(signed *rpc.SignedReceipt, p *part, c *collected, prev common.Hash) {
	b.t.Helper()
	r := &signed.Receipt
	b.check(receipt.CheckSigner(domain(), r.Hash(), signed.Signature, b.operator.Address()))
	if r.Lease != b.lease || r.Seq != p.source.Seq || r.Attempt != p.source.Attempt || r.Source != p.source.Hash() || r.Prev != prev {
		b.t.Fatalf("receipt is for something else: %+v", r)
	}
	for i, x := range r.Renditions {
		if x.Root != c.units[i].Root() || x.Frames != c.units[i].Frames() || x.Bytes != c.units[i].Bytes() {
			b.t.Fatalf("rendition %d is not what came: %+v", i, x)
		}
	}
	fee, err := receipt.Fee(&b.signed.Lease.Prices, rpc.Rungs(ladder()), &p.source, r.Renditions)
	b.check(err)
	if fee != r.Fee || fee.IsZero() {
		b.t.Fatalf("fee %s, want %s", r.Fee.Dec(), fee.Dec())
	}
}

// ticket makes the ticket that pays a receipt.
func (b *broadcaster) ticket(r *receipt.Receipt) payments.SignedTicket {
	b.t.Helper()
	t, err := b.sender.Pay(b.t.Context(), &payments.PayRequest{
		PaymentKey: payments.PaymentKey{Lease: r.Lease, Seq: r.Seq, Attempt: r.Attempt},
		Receipt:    r.Hash(), Recipient: owner, Fee: r.Fee, Round: b.signed.Lease.Round, MaxFaceValue: b.signed.Lease.MaxFaceValue,
		Terms: payments.Terms{Epoch: r.Ticket.Epoch, RandHash: r.Ticket.RandHash, FaceValue: r.Ticket.FaceValue, Expiry: r.Ticket.Expiry},
	})
	b.check(err)
	return t
}

// refusal finds the refusal in err, and checks its code.
func refusal(t *testing.T, err error, code rpc.Code) *rpc.Refusal {
	t.Helper()
	var r *rpc.Refusal
	if !errors.As(err, &r) || r.Code != code {
		t.Fatalf("error %v, want a refusal of code %q", err, code)
	}
	if r.Message == "" {
		t.Fatal("the refusal does not explain itself")
	}
	return r
}

func refused(t *testing.T, err error, code rpc.Code) {
	t.Helper()
	_ = refusal(t, err, code)
}

// ended reads to the end of the stream, and returns why it ended.
func (b *broadcaster) ended() error {
	for {
		if _, err := b.stream.Recv(); err != nil {
			return err
		}
	}
}
