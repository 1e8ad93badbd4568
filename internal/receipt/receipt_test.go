package receipt_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/big"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/common/math"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/signer/core/apitypes"
	"github.com/holiman/uint256"

	"castnet/internal/eip712"
	"castnet/internal/identity"
	"castnet/internal/media"
	"castnet/internal/receipt"
)

var domain = eip712.NewDomain(31337, common.HexToAddress("0x00000000000000000000000000000000000000aa"))

// gen makes random objects; the same seed makes the same ones.
type gen struct{ *rand.Rand }

func newGen(seed uint64) gen { return gen{rand.New(rand.NewPCG(seed, 7))} }

func (g gen) hash() (h common.Hash) {
	for i := range h {
		h[i] = byte(g.Uint32())
	}
	return h
}
func (g gen) addr() common.Address { return common.BytesToAddress(g.hash().Bytes()) }
func (g gen) wei() uint256.Int {
	var v uint256.Int
	v.SetBytes(g.hash().Bytes()[:g.IntN(33)])
	return v
}

func (g gen) lease() receipt.Lease {
	return receipt.Lease{
		Broadcaster: g.addr(), Orchestrator: g.addr(), Stream: g.hash(), Lane: g.Uint64(), Serial: g.Uint64(), LadderHash: g.hash(),
		Prices:       receipt.Prices{H264: g.wei(), HEVC: g.wei(), AV1: g.wei(), Source: g.wei(), MiB: g.wei()},
		MaxFaceValue: g.wei(), MaxUnpaid: g.wei(), Round: g.Uint64(), Expiry: g.Uint64(),
	}
}

func (g gen) source() receipt.Source {
	s := receipt.Source{
		Lease: g.hash(), Seq: g.Uint64(), Attempt: g.Uint32(), Root: g.hash(), PTSRoot: g.hash(), Frames: g.Uint32(),
		PrefixFrames: g.Uint32(), Width: g.Uint32(), Height: g.Uint32(), Bytes: g.Uint64(),
	}
	for range g.IntN(4) {
		s.ResumeAfter = append(s.ResumeAfter, int64(g.Uint64())) // negative ones too
	}
	return s
}

func (g gen) receipt() receipt.Receipt {
	r := receipt.Receipt{
		Lease: g.hash(), Seq: g.Uint64(), Attempt: g.Uint32(), Source: g.hash(), Fee: g.wei(), Prev: g.hash(),
		Ticket: receipt.TicketTerms{Epoch: g.Uint64(), RandHash: g.hash(), FaceValue: g.wei(), Expiry: g.Uint64()},
	}
	for range g.IntN(4) {
		r.Renditions = append(r.Renditions, receipt.Rendition{
			Profile: g.hash(), Root: g.hash(), Width: g.Uint32(), Height: g.Uint32(),
			Frames: g.Uint32(), Bytes: g.Uint64(),
		})
	}
	return r
}

func (g gen) rung() receipt.Rung {
	return receipt.Rung{Codec: media.Codec(1 + g.IntN(3)), Width: g.Uint32(), Height: g.Uint32(), Bitrate: g.Uint32(), Divisor: uint8(g.Uint32())}
}

// The oracle: go-ethereum's reflective implementation of EIP-712, fed with type strings and maps.

func oracle(t *testing.T, typeStrings string, message apitypes.TypedDataMessage) common.Hash {
	t.Helper()
	types := apitypes.Types{}
	primary := ""
	for _, part := range strings.SplitAfter(typeStrings, ")") {
		name, fields, ok := strings.Cut(strings.TrimSuffix(part, ")"), "(")
		if !ok {
			continue
		}
		if primary == "" {
			primary = name
		}
		for field := range strings.SplitSeq(fields, ",") {
			kind, member, _ := strings.Cut(field, " ")
			types[name] = append(types[name], apitypes.Type{Name: member, Type: kind})
		}
	}
	data := apitypes.TypedData{Types: types, PrimaryType: primary, Domain: apitypes.TypedDataDomain{Name: "any"}}
	if got := string(data.EncodeType(primary)); got != typeStrings {
		t.Fatalf("the type string is not canonical:\n got %s\nwant %s", typeStrings, got)
	}
	hash, err := data.HashStruct(primary, message)
	if err != nil {
		t.Fatal(err)
	}
	return common.Hash(hash)
}

type msg = apitypes.TypedDataMessage

func num[T uint8 | uint32 | uint64](v T) *math.HexOrDecimal256 {
	return (*math.HexOrDecimal256)(new(big.Int).SetUint64(uint64(v)))
}
func signed(v int64) *math.HexOrDecimal256    { return (*math.HexOrDecimal256)(big.NewInt(v)) }
func amt(v uint256.Int) *math.HexOrDecimal256 { return (*math.HexOrDecimal256)(v.ToBig()) }
func b32(h common.Hash) string                { return h.Hex() }
func list[T any](vs []T, f func(T) any) []any {
	out := []any{}
	for _, v := range vs {
		out = append(out, f(v))
	}
	return out
}

// The messages of what a contract hashes too: TestVectors writes them down for it.

func leaseMessage(l receipt.Lease) msg {
	return msg{
		"broadcaster": l.Broadcaster.Hex(), "orchestrator": l.Orchestrator.Hex(), "stream": b32(l.Stream),
		"lane": num(l.Lane), "serial": num(l.Serial), "ladderHash": b32(l.LadderHash), "maxFaceValue": amt(l.MaxFaceValue),
		"maxUnpaid": amt(l.MaxUnpaid), "round": num(l.Round), "expiry": num(l.Expiry),
		"prices": msg{"h264": amt(l.Prices.H264), "hevc": amt(l.Prices.HEVC), "av1": amt(l.Prices.AV1), "source": amt(l.Prices.Source), "mib": amt(l.Prices.MiB)},
	}
}

func sourceMessage(s receipt.Source) msg {
	return msg{
		"lease": b32(s.Lease), "seq": num(s.Seq), "attempt": num(s.Attempt),
		"resumeAfter": list(s.ResumeAfter, func(v int64) any { return signed(v) }), "root": b32(s.Root), "ptsRoot": b32(s.PTSRoot),
		"frames": num(s.Frames), "prefixFrames": num(s.PrefixFrames), "width": num(s.Width), "height": num(s.Height), "payloadBytes": num(s.Bytes),
	}
}

func receiptMessage(r receipt.Receipt) msg {
	return msg{
		"lease": b32(r.Lease), "seq": num(r.Seq), "attempt": num(r.Attempt), "source": b32(r.Source),
		"fee": amt(r.Fee), "prev": b32(r.Prev),
		"ticket": msg{"epoch": num(r.Ticket.Epoch), "randHash": b32(r.Ticket.RandHash), "faceValue": amt(r.Ticket.FaceValue), "expiry": num(r.Ticket.Expiry)},
		"renditions": list(r.Renditions, func(v receipt.Rendition) any {
			return msg{"profile": b32(v.Profile), "root": b32(v.Root), "width": num(v.Width), "height": num(v.Height), "frames": num(v.Frames), "payloadBytes": num(v.Bytes)}
		}),
	}
}

func ladderMessage(rungs []receipt.Rung) msg {
	return msg{"rungs": list(rungs, func(v receipt.Rung) any {
		return msg{"codec": num(uint8(v.Codec)), "width": num(v.Width), "height": num(v.Height), "bitrate": num(v.Bitrate), "divisor": num(v.Divisor)}
	})}
}

func TestHashesMatchOracle(t *testing.T) {
	for seed := range uint64(50) {
		g := newGen(seed)
		l, s, r, rungs := g.lease(), g.source(), g.receipt(), []receipt.Rung{g.rung(), g.rung()}
		q := receipt.QuoteRequest{
			Broadcaster: g.addr(), Orchestrator: g.addr(), Stream: g.hash(), Lane: g.Uint64(), Serial: g.Uint64(),
			LadderHash: g.hash(), Width: g.Uint32(), Height: g.Uint32(), FrameRateMilli: g.Uint32(), IssuedAt: g.Uint64(),
		}
		b := receipt.BadInput{Lease: g.hash(), Seq: g.Uint64(), Attempt: g.Uint32(), Unit: int64(g.Uint64()), Reason: "no key frame ✗"}
		settle := receipt.Settle{Lease: g.hash(), IssuedAt: g.Uint64()}
		for _, c := range []struct {
			types string
			got   common.Hash
			m     msg
		}{
			{receipt.QuoteRequestType, q.Hash(), msg{
				"broadcaster": q.Broadcaster.Hex(), "orchestrator": q.Orchestrator.Hex(), "stream": b32(q.Stream),
				"lane": num(q.Lane), "serial": num(q.Serial), "ladderHash": b32(q.LadderHash), "width": num(q.Width), "height": num(q.Height),
				"frameRateMilli": num(q.FrameRateMilli), "issuedAt": num(q.IssuedAt),
			}},
			{receipt.LeaseType, l.Hash(), leaseMessage(l)},
			{receipt.SourceType, s.Hash(), sourceMessage(s)},
			{receipt.ReceiptType, r.Hash(), receiptMessage(r)},
			{receipt.SettleType, settle.Hash(), msg{"lease": b32(settle.Lease), "issuedAt": num(settle.IssuedAt)}},
			{receipt.BadInputType, b.Hash(), msg{"lease": b32(b.Lease), "seq": num(b.Seq), "attempt": num(b.Attempt), "unit": signed(b.Unit), "reason": b.Reason}},
			{receipt.LadderType, receipt.LadderHash(rungs), ladderMessage(rungs)},
		} {
			if want := oracle(t, c.types, c.m); c.got != want {
				t.Fatalf("seed %d, %s:\n got %s\nwant %s", seed, c.types, c.got, want)
			}
		}
	}
}

func TestDomainMatchesOracle(t *testing.T) {
	data := apitypes.TypedData{
		Types: apitypes.Types{"EIP712Domain": {
			{Name: "name", Type: "string"},
			{Name: "version", Type: "string"},
			{Name: "chainId", Type: "uint256"},
			{Name: "verifyingContract", Type: "address"},
		}, "Rung": {{Name: "codec", Type: "uint8"}}},
		PrimaryType: "Rung",
		Domain: apitypes.TypedDataDomain{
			Name: "Castnet", Version: "1", ChainId: math.NewHexOrDecimal256(31337),
			VerifyingContract: domain.Contract().Hex(),
		},
		Message: msg{"codec": "1"},
	}
	want, _, err := apitypes.TypedDataAndHash(data)
	if err != nil {
		t.Fatal(err)
	}
	inner, err := data.HashStruct("Rung", data.Message)
	if err != nil {
		t.Fatal(err)
	}
	if got := domain.Digest(common.Hash(inner)); got != common.Hash(want) {
		t.Fatalf("digest %s, the oracle's %x", got, want)
	}
}

func TestSignaturesBelongToOneDomainAndObject(t *testing.T) {
	key, err := identity.Generate()
	if err != nil {
		t.Fatal(err)
	}
	g := newGen(1)
	r := g.receipt()
	sig, err := receipt.Sign(key, domain, r.Hash())
	if err != nil {
		t.Fatal(err)
	}
	if err := receipt.CheckSigner(domain, r.Hash(), sig, key.Address()); err != nil {
		t.Fatal(err)
	}
	for name, other := range map[string]eip712.Domain{
		"chain":    eip712.NewDomain(1, domain.Contract()),
		"contract": eip712.NewDomain(31337, common.HexToAddress("0xbb")),
	} {
		if receipt.CheckSigner(other, r.Hash(), sig, key.Address()) == nil {
			t.Errorf("a signature for another %s was accepted", name)
		}
	}
	r.Seq++
	if receipt.CheckSigner(domain, r.Hash(), sig, key.Address()) == nil {
		t.Error("a signature over another receipt was accepted")
	}
}

// naiveRoot is RFC 6962's recursive definition.
func naiveRoot(id common.Hash, leaves []common.Hash) common.Hash {
	var top func([]common.Hash) common.Hash
	top = func(l []common.Hash) common.Hash {
		if len(l) == 1 {
			return l[0]
		}
		k := 1
		for k*2 < len(l) {
			k *= 2
		}
		left, right := top(l[:k]), top(l[k:])
		return crypto.Keccak256Hash([]byte{1}, left[:], right[:])
	}
	var t common.Hash
	if len(leaves) > 0 {
		t = top(leaves)
	}
	n := len(leaves)
	return crypto.Keccak256Hash([]byte{2}, id[:], []byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}, t[:])
}

func TestPTSRootMatchesRecursiveDefinition(t *testing.T) {
	g := newGen(3)
	for n := range 70 {
		pts := make([]int64, n)
		leaves := make([]common.Hash, n)
		for i := range pts {
			pts[i] = int64(i)*3003 - 9000
			leaves[i] = crypto.Keccak256Hash([]byte{0}, common.BigToHash(new(big.Int).SetUint64(uint64(pts[i]))).Bytes()[24:])
		}
		want := naiveRoot(common.Hash{}, leaves)
		g.Shuffle(n, func(i, j int) { pts[i], pts[j] = pts[j], pts[i] })
		if got := receipt.PTSRoot(pts); got != want {
			t.Fatalf("%d timestamps: %s, want %s", n, got, want)
		}
	}
}

func units(n int) []*media.Unit {
	us := make([]*media.Unit, n)
	for i := range us {
		us[i] = &media.Unit{PTS: int64(i) * 3000, Key: i == 0, Payload: fmt.Appendf(nil, "picture %d", i)}
	}
	return us
}

func rootOf(id common.Hash, us []*media.Unit) common.Hash {
	m := receipt.NewMerkle(id)
	for _, u := range us {
		m.Add(u)
	}
	return m.Root()
}

func TestMerkleBindsEverything(t *testing.T) {
	base := rootOf(common.Hash{1}, units(7))
	changes := map[string]func(us []*media.Unit) (common.Hash, []*media.Unit){
		"id":    func(us []*media.Unit) (common.Hash, []*media.Unit) { return common.Hash{2}, us },
		"count": func(us []*media.Unit) (common.Hash, []*media.Unit) { return common.Hash{1}, us[:6] },
		"pts":   func(us []*media.Unit) (common.Hash, []*media.Unit) { us[3].PTS++; return common.Hash{1}, us },
		"key":   func(us []*media.Unit) (common.Hash, []*media.Unit) { us[3].Key = true; return common.Hash{1}, us },
		"payload": func(us []*media.Unit) (common.Hash, []*media.Unit) {
			us[6].Payload = []byte("x")
			return common.Hash{1}, us
		},
		"order": func(us []*media.Unit) (common.Hash, []*media.Unit) {
			us[2], us[3] = us[3], us[2]
			return common.Hash{1}, us
		},
	}
	for name, change := range changes {
		id, us := change(units(7))
		if rootOf(id, us) == base {
			t.Errorf("the root does not bind the %s", name)
		}
	}
	if rootOf(common.Hash{1}, units(7)) != base {
		t.Error("the same units give two roots")
	}
}

func TestMerkleCounts(t *testing.T) {
	m := receipt.NewMerkle(receipt.SourceID())
	for _, u := range units(5) {
		m.Add(u)
	}
	if m.Frames() != 5 || m.Bytes() != 5*uint64(len("picture 0")) {
		t.Errorf("%d frames, %d bytes", m.Frames(), m.Bytes())
	}
}

// bigFee is the documented formula in arbitrary precision.
func bigFee(p receipt.Prices, rungs []receipt.Rung, s receipt.Source, rs []receipt.Rendition) *big.Int {
	term := func(price uint256.Int, per int64, factors ...uint64) *big.Int {
		v := price.ToBig()
		for _, f := range factors {
			v.Mul(v, new(big.Int).SetUint64(f))
		}
		return v.Div(v, big.NewInt(per))
	}
	fee := term(p.Source, 1e6, uint64(s.Frames)+uint64(s.PrefixFrames), uint64(s.Width), uint64(s.Height))
	sent := new(big.Int)
	for i, r := range rungs {
		price := map[media.Codec]uint256.Int{media.H264: p.H264, media.HEVC: p.HEVC, media.AV1: p.AV1}[r.Codec]
		fee.Add(fee, term(price, 1e6, uint64(rs[i].Frames), uint64(r.Width), uint64(r.Height)))
		sent.Add(sent, new(big.Int).SetUint64(rs[i].Bytes))
	}
	return fee.Add(fee, sent.Div(sent.Mul(sent, p.MiB.ToBig()), big.NewInt(1<<20)))
}

func TestFeeMatchesFormula(t *testing.T) {
	for seed := range uint64(500) {
		g := newGen(seed)
		p := receipt.Prices{H264: g.wei(), HEVC: g.wei(), AV1: g.wei(), Source: g.wei(), MiB: g.wei()}
		s := g.source()
		var rungs []receipt.Rung
		var rs []receipt.Rendition
		for range g.IntN(4) {
			rungs = append(rungs, g.rung())
			rs = append(rs, receipt.Rendition{Frames: g.Uint32(), Bytes: g.Uint64()})
		}
		want := bigFee(p, rungs, s, rs)
		got, err := receipt.Fee(&p, rungs, &s, rs)
		if want.BitLen() > 256 {
			if err == nil {
				t.Fatalf("seed %d: a fee of %d bits was not refused", seed, want.BitLen())
			}
			continue
		}
		if err != nil || got.ToBig().Cmp(want) != 0 {
			t.Fatalf("seed %d: fee %s (%v), want %s", seed, got.Dec(), err, want)
		}
	}
}

func TestFeeRefuses(t *testing.T) {
	p := receipt.Prices{}
	if _, err := receipt.Fee(&p, []receipt.Rung{{Codec: media.H264}}, &receipt.Source{}, nil); err == nil {
		t.Error("a rung without a rendition has a fee")
	}
	if _, err := receipt.Fee(&p, []receipt.Rung{{Codec: media.VP8}}, &receipt.Source{}, make([]receipt.Rendition, 1)); err == nil {
		t.Error("a codec without a price has a fee")
	}
}

// TestVectors keeps testdata/vectors.json, which the Solidity tests read, equal to what the code gives.
// CASTNET_UPDATE_VECTORS=1 rewrites it.
func TestVectors(t *testing.T) {
	path := filepath.Join("testdata", "vectors.json")
	got, err := json.MarshalIndent(vectors(t), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	if os.Getenv("CASTNET_UPDATE_VECTORS") != "" {
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("the code gives %s\nthe vectors say %s", got, want)
	}
}

// vectors are hashes by their names, and beside each its object with the fields' EIP-712 names.
func vectors(t *testing.T) map[string]any {
	t.Helper()
	private, err := crypto.HexToECDSA(strings.Repeat("46", 32))
	if err != nil {
		t.Fatal(err)
	}
	key := identity.NewKey(private)
	g := newGen(712)
	l, s, r, rungs := g.lease(), g.source(), g.receipt(), []receipt.Rung{g.rung()}
	resumed := s
	resumed.ResumeAfter = []int64{-9000, 0, 3003}
	sig, err := receipt.Sign(key, domain, r.Hash())
	if err != nil {
		t.Fatal(err)
	}
	prices := receipt.Prices{H264: *uint256.NewInt(1200), Source: *uint256.NewInt(300), MiB: *uint256.NewInt(77)}
	ladder := []receipt.Rung{{Codec: media.H264, Width: 1280, Height: 720, Bitrate: 2_500_000, Divisor: 1}, {Codec: media.H264, Width: 854, Height: 480, Bitrate: 1_400_000, Divisor: 1}}
	source := receipt.Source{Frames: 60, PrefixFrames: 3, Width: 1280, Height: 720}
	made := []receipt.Rendition{{Frames: 60, Bytes: 612_345}, {Frames: 60, Bytes: 345_678}}
	fee, err := receipt.Fee(&prices, ladder, &source, made)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]any{
		"signer": key.Address().Hex(), "domainSeparator": domain.Separator().Hex(),
		"lease": leaseMessage(l), "leaseHash": l.Hash().Hex(),
		"source": sourceMessage(s), "sourceHash": s.Hash().Hex(),
		"resumedSource": sourceMessage(resumed), "resumedSourceHash": resumed.Hash().Hex(),
		"receipt": receiptMessage(r), "receiptHash": r.Hash().Hex(),
		"ladder": ladderMessage(rungs), "ladderHash": receipt.LadderHash(rungs).Hex(),
		"receiptDigest": domain.Digest(r.Hash()).Hex(), "receiptSignature": hexutil.Encode(sig),
		"ladder720And480Hash": receipt.LadderHash(ladder).Hex(), "fee720And480": fee.Dec(),
		"merkle7": rootOf(receipt.SourceID(), units(7)).Hex(), "merkle0": rootOf(receipt.SourceID(), nil).Hex(),
		"ptsRoot3": receipt.PTSRoot([]int64{6000, 0, 3000}).Hex(),
	}
}

func FuzzMerkleNeverCollidesWithPrefix(f *testing.F) {
	f.Add([]byte("abcdef"), uint8(3))
	f.Fuzz(func(t *testing.T, data []byte, cut uint8) {
		var us []*media.Unit
		for i := range data {
			us = append(us, &media.Unit{PTS: int64(i), Payload: data[:i]})
		}
		if n := int(cut); n < len(us) && rootOf(common.Hash{}, us) == rootOf(common.Hash{}, us[:n]) {
			t.Errorf("%d units and the first %d have one root", len(us), n)
		}
	})
}
