package orchestrator_test

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"castnet/orchestrator"
	"castnet/orchestrator/rpc"
	"castnet/transcoder"
)

// enroll mints a token, passes it on as text, and exchanges it.
func (n *network) enroll() *rpc.Credentials {
	n.t.Helper()
	minted, err := orchestrator.MintToken(n.t.Context(), n.tokens, n.operator.Address(), chainID, time.Minute)
	n.check(err)
	token, err := rpc.ParseToken(" " + minted.String() + "\n")
	n.check(err)
	credentials, err := rpc.Enroll(n.t.Context(), n.address, token)
	n.check(err)
	b, err := json.Marshal(credentials) // as they are kept
	n.check(err)
	var kept rpc.Credentials
	n.check(json.Unmarshal(b, &kept))
	return &kept
}

// lend runs a remote transcoder until stop.
func (n *network) lend(credentials *rpc.Credentials, work transcoder.Transcoder) (stop func()) {
	n.t.Helper()
	dial, err := credentials.Dial(n.address)
	n.check(err)
	w, err := rpc.NewRemoteWorker(rpc.RemoteConfig{
		Dial: dial, Transcoder: work, Logger: n.log(), ReportEvery: 10 * time.Millisecond, DrainTimeout: 50 * time.Millisecond,
	})
	n.check(err)
	ctx, cancel := context.WithCancel(n.t.Context())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	stopped := false
	stop = func() {
		if !stopped {
			stopped = true
			cancel()
			n.check(<-done)
		}
	}
	n.t.Cleanup(stop)
	return stop
}

// attached waits until the fleet has one transcoder.
func (n *network) attached() {
	n.t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for range 5000 {
		if n.fleet.Capabilities().MaxSessions == 16 {
			return
		}
		<-tick.C
	}
	n.t.Fatal("no transcoder came")
}

// TestRemoteTranscoder: a transcoder that has dialled in serves a lease, from its token to the receipt.
func TestRemoteTranscoder(t *testing.T) {
	n := newNetwork(t, nil)
	work := &fake{}
	n.lend(n.enroll(), work)
	n.attached()
	b := n.open(1)
	var prev common.Hash
	for seq := range uint64(2) {
		p := b.segment(seq)
		signed, got := until[rpc.SignedReceipt](b)
		b.verify(&signed, p, got, prev)
		prev = signed.Receipt.Hash()
	}
	// Another orchestrator that works with this transcoder cannot name this one's customers.
	if got, want := work.latest().customer, n.operator.Address().Hex()+"/"+n.account.Address().Hex(); got != want {
		t.Errorf("the session is %s's, want %s", got, want)
	}
}

// TestRemoteTranscoderLeaves: its sessions die as a worker's do, and the work goes on at another transcoder.
func TestRemoteTranscoderLeaves(t *testing.T) {
	n := newNetwork(t, nil)
	stop := n.lend(n.enroll(), &fake{})
	n.attached()
	b := n.open(1)
	b.segment(0)
	until[rpc.SignedReceipt](b)

	local := &fake{}
	defer n.fleet.Add(local)()
	b.begin(transcoder.StartSegment{Seq: 1, Attempt: 1})
	if _, ok := b.recv().(transcoder.Rendered); !ok { // it is at work
		t.Fatal("no picture")
	}
	stop()
	lost, _ := until[rpc.Refusal](b)
	if lost.Code != rpc.CodeWorkerDied || lost.Seq != 1 {
		t.Fatalf("refusal %+v", lost)
	}
	b.end(b.begin(transcoder.StartSegment{Seq: 1, Attempt: 2, Fresh: true}))
	until[rpc.SignedReceipt](b)
	if len(local.sessions) != 1 {
		t.Fatal("somebody else did the work")
	}
}

// TestRemoteTranscoderDrains: told to leave, it takes no more sessions, finishes its segment, and is gone; the next
// segment is another's. The orchestrator knows meanwhile.
func TestRemoteTranscoderDrains(t *testing.T) {
	n := newNetwork(t, nil)
	dial, err := n.enroll().Dial(n.address)
	n.check(err)
	w, err := rpc.NewRemoteWorker(rpc.RemoteConfig{
		Dial: dial, Transcoder: &fake{}, Logger: n.log(), ReportEvery: 10 * time.Millisecond, DrainTimeout: time.Minute,
	})
	n.check(err)
	ctx, drain := context.WithCancel(t.Context())
	left := make(chan error, 1)
	go func() { left <- w.Run(ctx) }()
	n.attached()
	b := n.open(1)
	first := b.begin(transcoder.StartSegment{Seq: 0, Attempt: 1, Fresh: true})
	if _, ok := b.recv().(transcoder.Rendered); !ok { // it is at work
		t.Fatal("no picture")
	}
	drain()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	shown := false
	for range 5000 {
		if _, draining := n.fleet.Members(); draining == 1 {
			shown = true
			break
		}
		<-tick.C
	}
	if !shown {
		t.Fatal("the orchestrator does not know that it drains")
	}
	if _, err := n.fleet.Open(t.Context(), transcoder.SessionConfig{Ladder: ladder()}); err == nil {
		t.Error("it has taken one more session")
	}
	select {
	case err := <-left:
		t.Fatalf("it has left in the middle of a segment: %v", err)
	default:
	}
	local := &fake{}
	defer n.fleet.Add(local)()
	b.end(first)
	until[rpc.SignedReceipt](b)
	if err := <-left; err != nil {
		t.Fatal(err)
	}
	for range 5000 { // the orchestrator sees the connection end a little later
		if members, draining := n.fleet.Members(); members == 1 && draining == 0 {
			break
		}
		<-tick.C
	}
	if members, draining := n.fleet.Members(); members != 1 || draining != 0 {
		t.Errorf("%d transcoders, %d draining", members, draining)
	}
	b.end(b.begin(transcoder.StartSegment{Seq: 1, Attempt: 1, Fresh: true}))
	until[rpc.SignedReceipt](b)
	if len(local.sessions) != 1 {
		t.Error("somebody else did the work")
	}
}

// TestRemoteWorkerDeath: a worker that dies on the remote machine is told of, and replaced there.
func TestRemoteWorkerDeath(t *testing.T) {
	n := newNetwork(t, nil)
	work := &fake{}
	n.lend(n.enroll(), work)
	n.attached()
	b := n.open(1)
	b.begin(transcoder.StartSegment{Seq: 0, Attempt: 1, Fresh: true})
	if _, ok := b.recv().(transcoder.Rendered); !ok {
		t.Fatal("no picture")
	}
	work.latest().die()
	until[rpc.Refusal](b)
	b.end(b.begin(transcoder.StartSegment{Seq: 0, Attempt: 2, Fresh: true}))
	until[rpc.SignedReceipt](b)
	if len(work.sessions) != 2 {
		t.Fatalf("%d sessions", len(work.sessions))
	}
}

// TestRemoteTranscoderReconnects: the orchestrator's restart costs it nothing but the sessions.
func TestRemoteTranscoderReconnects(t *testing.T) {
	n := newNetwork(t, nil)
	n.lend(n.enroll(), &fake{})
	n.attached()
	n.stop()
	n.start()
	n.attached()
	b := n.open(1)
	b.segment(0)
	until[rpc.SignedReceipt](b)
}

func TestTokensAreUsedOnce(t *testing.T) {
	n := newNetwork(t, &fake{})
	token, err := orchestrator.MintToken(t.Context(), n.tokens, n.operator.Address(), chainID, time.Minute)
	n.check(err)
	late, err := orchestrator.MintToken(t.Context(), n.tokens, n.operator.Address(), chainID, -time.Minute)
	n.check(err)
	if _, err := rpc.Enroll(t.Context(), n.address, token); err != nil {
		t.Fatal(err)
	}
	forged := token
	forged.Secret = "guess"
	for name, x := range map[string]rpc.Token{"again": token, "late": late, "forged": forged} {
		if _, err := rpc.Enroll(t.Context(), n.address, x); err == nil || !strings.Contains(err.Error(), "mint another") {
			t.Errorf("%s: %v", name, err)
		}
	}
	elsewhere, err := orchestrator.MintToken(t.Context(), n.tokens, common.Address{1}, chainID, time.Minute)
	n.check(err)
	if _, err := rpc.Enroll(t.Context(), n.address, elsewhere); err == nil || !strings.Contains(err.Error(), "not the orchestrator") {
		t.Errorf("gave its token to a stranger: %v", err)
	}
}

// TestCertificatesAreRenewed: who has a certificate gets another one, of the same name, and nobody else does; the old one
// is good until it expires.
func TestCertificatesAreRenewed(t *testing.T) {
	n := newNetwork(t, nil)
	old := n.enroll()
	if due, err := old.Due(time.Now()); due || err != nil {
		t.Errorf("a new one is due: %v", err)
	}
	if due, err := old.Due(time.Now().AddDate(1, 1, 0)); !due || err != nil {
		t.Errorf("after a year it is not: %v", err)
	}
	if _, err := old.Due(time.Now().AddDate(3, 0, 0)); err == nil || !strings.Contains(err.Error(), "expired on") {
		t.Errorf("after three: %v", err)
	}
	fresh, err := old.Renew(t.Context(), n.address)
	n.check(err)
	if fresh.Key == old.Key || fresh.Certificate == old.Certificate || nameOf(t, fresh) != nameOf(t, old) {
		t.Errorf("%s became %s", nameOf(t, old), nameOf(t, fresh))
	}
	for _, c := range []*rpc.Credentials{fresh, old} {
		stop := n.lend(c, &fake{})
		n.attached()
		stop()
		tick := time.NewTicker(time.Millisecond)
		for members := 1; members > 0; members, _ = n.fleet.Members() { // until the orchestrator has seen it go
			<-tick.C
		}
		tick.Stop()
	}
	stranger := newNetwork(t, nil).enroll()
	stranger.Operator = n.operator.Address()
	if _, err := stranger.Renew(t.Context(), n.address); err == nil {
		t.Error("a stranger got a certificate")
	}
	if _, err := rpc.Enroll(t.Context(), n.address, rpc.Token{Operator: n.operator.Address(), ChainID: chainID}); err == nil {
		t.Error("somebody without a token or certificate got one")
	}
	if _, err := n.expired(fresh).Renew(t.Context(), n.address); err == nil {
		t.Error("an expired certificate was renewed")
	}
}

func leafOf(t *testing.T, c *rpc.Credentials) *x509.Certificate {
	t.Helper()
	block, _ := pem.Decode([]byte(c.Certificate))
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func nameOf(t *testing.T, c *rpc.Credentials) string {
	t.Helper()
	return leafOf(t, c).Subject.CommonName
}

// expired makes the orchestrator's authority have signed credentials a long time ago.
func (n *network) expired(c *rpc.Credentials) *rpc.Credentials {
	n.t.Helper()
	file, err := os.ReadFile(filepath.Join(n.dir, "authority.pem"))
	n.check(err)
	ca, rest := pem.Decode(file)
	issuer, err := x509.ParseCertificate(ca.Bytes)
	n.check(err)
	private, _ := pem.Decode(rest)
	key, err := x509.ParsePKCS8PrivateKey(private.Bytes)
	n.check(err)
	leaf := leafOf(n.t, c)
	leaf.NotBefore, leaf.NotAfter = time.Now().AddDate(-3, 0, 0), time.Now().AddDate(-1, 0, 0)
	der, err := x509.CreateCertificate(rand.Reader, leaf, issuer, leaf.PublicKey, key)
	n.check(err)
	old := *c
	old.Certificate = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	return &old
}

func TestParseToken(t *testing.T) {
	for _, s := range []string{"", "castnet-", "castnet-e30", "castnet-!", strings.Repeat("x", 5000), "castnet-" + strings.Repeat("e", 5000)} {
		if _, err := rpc.ParseToken(s); err == nil {
			t.Errorf("took %.20q", s)
		}
	}
}

// TestStrangersCannotAttach: without a certificate of this orchestrator's there is no way into its fleet.
func TestStrangersCannotAttach(t *testing.T) {
	n := newNetwork(t, &fake{})
	other := newNetwork(t, &fake{})
	credentials := other.enroll()
	credentials.Operator = n.operator.Address()
	n.lend(credentials, &fake{})
	b := n.open(1) // served by the local one
	b.segment(0)
	until[rpc.SignedReceipt](b)
	if got := n.fleet.Capabilities().MaxSessions; got != 16 {
		t.Fatalf("a stranger is in the fleet: %d sessions", got)
	}
}

// TestFleet: the least loaded transcoder is asked first, the next where it is busy, and each once.
func TestFleet(t *testing.T) {
	var asked []string
	member := func(name string, free int64, err error) transcoder.Transcoder {
		return &stub{caps: transcoder.Capabilities{Name: name, FreePixelsPerSecond: free}, err: err, asked: &asked}
	}
	fleet := &orchestrator.Fleet{}
	if _, err := fleet.Open(t.Context(), transcoder.SessionConfig{}); err == nil {
		t.Fatal("an empty fleet opened a session")
	}
	remove := fleet.Add(member("idle but broken", 300, transcoder.ErrBusy))
	fleet.Add(member("loaded", 100, nil))
	fleet.Add(member("half", 200, nil))
	open := func(want ...string) {
		t.Helper()
		asked = nil
		if _, err := fleet.Open(t.Context(), transcoder.SessionConfig{}); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(asked, want) {
			t.Fatalf("asked %q, want %q", asked, want)
		}
	}
	open("idle but broken", "half")
	remove()
	open("half")
	if got := fleet.Capabilities().FreePixelsPerSecond; got != 300 {
		t.Fatalf("%d pixels/s free", got)
	}
}

type stub struct {
	caps  transcoder.Capabilities
	err   error
	asked *[]string
}

func (s *stub) Open(context.Context, transcoder.SessionConfig) (transcoder.Session, error) {
	*s.asked = append(*s.asked, s.caps.Name)
	return nil, s.err
}

func (s *stub) Capabilities() transcoder.Capabilities { return s.caps }
