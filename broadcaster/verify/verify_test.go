package verify_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/holiman/uint256"

	"castnet/broadcaster/verify"
	"castnet/internal/eip712"
	"castnet/internal/identity"
	"castnet/internal/media"
	"castnet/internal/receipt"
)

// bitWriter writes the bit strings of ITU-T H.264, clause 7.2 and 9.1.
type bitWriter struct {
	b    []byte
	used int
}

func (w *bitWriter) u(n int, v uint64) {
	for i := n - 1; i >= 0; i-- {
		if w.used%8 == 0 {
			w.b = append(w.b, 0)
		}
		w.b[w.used/8] |= byte(v>>i&1) << (7 - w.used%8)
		w.used++
	}
}

func (w *bitWriter) ue(v uint64) {
	n := 0
	for (v+1)>>n > 1 {
		n++
	}
	w.u(n, 0)
	w.u(n+1, v+1)
}

// sps is a sequence parameter set of the Baseline profile for pictures of this size (even numbers).
func sps(width, height int) []byte {
	w := &bitWriter{}
	w.u(8, 0x67)
	w.u(24, 0x42c01f) // profile, constraints, level
	w.ue(0)           // seq_parameter_set_id
	w.ue(0)           // log2_max_frame_num_minus4
	w.ue(2)           // pic_order_cnt_type
	w.ue(1)           // max_num_ref_frames
	w.u(1, 0)
	columns, rows := (width+15)/16, (height+15)/16
	w.ue(uint64(columns - 1))
	w.ue(uint64(rows - 1))
	w.u(2, 3) // frame_mbs_only_flag, direct_8x8_inference_flag
	w.u(1, 1) // cropping, in units of two samples
	w.ue(0)
	w.ue(uint64(columns*16-width) / 2)
	w.ue(0)
	w.ue(uint64(rows*16-height) / 2)
	w.u(1, 0) // no VUI
	w.u(1, 1)
	var out []byte // with emulation prevention
	for i, b := range w.b {
		if i >= 2 && b <= 3 && w.b[i-1] == 0 && w.b[i-2] == 0 {
			out = append(out, 3)
		}
		out = append(out, b)
	}
	return out
}

func annexB(nals ...[]byte) []byte {
	var b []byte
	for _, nal := range nals {
		b = append(append(b, 0, 0, 0, 1), nal...)
	}
	return b
}

type gen struct{ *rand.Rand }

// slice is a coded slice of some bytes; none is zero, so that there is no start code in it.
func (g gen) slice(header byte, n int) []byte {
	b := make([]byte, n+1)
	for i := range b {
		b[i] = byte(1 + g.IntN(255))
	}
	b[0] = header
	return b
}

func (g gen) picture(width, height int, key bool, n int) []byte {
	if key {
		return annexB(sps(width, height), []byte{0x68, 0xce, 0x38, 0x80}, g.slice(0x65, n))
	}
	return annexB(g.slice(0x41, n))
}

// trial is one attempt at a segment, and the honest answer to it.
type trial struct {
	attempt verify.Attempt
	source  []*media.Unit   // as sent, prefix left out
	made    [][]*media.Unit // each rendition's pictures
	key     *identity.Key   // the operator's
	at      time.Time
	// unsigned keeps the first signature, whatever is changed afterwards.
	unsigned bool
}

var (
	domain = eip712.NewDomain(31337, common.HexToAddress("0xb0"))
	start  = time.Unix(1_800_000_000, 0)
)

func newTrial(tb testing.TB, seed uint64) *trial {
	tb.Helper()
	g := gen{rand.New(rand.NewPCG(seed, 5))}
	private, err := crypto.ToECDSA(common.LeftPadBytes([]byte{7}, 32))
	if err != nil {
		tb.Fatal(err)
	}
	tr := &trial{key: identity.NewKey(private), at: start}
	a := &tr.attempt
	a.Domain, a.Operator, a.Deadline, a.Prev = domain, tr.key.Address(), start.Add(time.Second), common.Hash{1, byte(seed)}
	a.Rungs = []receipt.Rung{
		{Codec: media.H264, Width: 640, Height: 362, Bitrate: 800_000, Divisor: 1},
		{Codec: media.H264, Width: 320, Height: 180, Bitrate: 300_000, Divisor: uint8(1 + g.IntN(3))},
	}
	a.Lease = receipt.Lease{
		Broadcaster: common.Address{1}, Orchestrator: common.Address{2}, LadderHash: receipt.LadderHash(a.Rungs),
		Prices: receipt.Prices{H264: *uint256.NewInt(1_000_003), Source: *uint256.NewInt(50_001), MiB: *uint256.NewInt(777_777)}, MaxFaceValue: *uint256.NewInt(1e9),
	}

	a.Sent = verify.NewSent()
	for range g.IntN(3) {
		a.Sent.AddPrefix(&media.Unit{Payload: g.slice(0x41, 100)})
	}
	frames := 2 + g.IntN(60)
	order := make([]int64, frames) // decoding order with B-pictures: 0 2 1 4 3 …
	for i := range order {
		order[i] = int64(i) * 3003
	}
	for i := 2; i < frames; i += 2 {
		order[i-1], order[i] = order[i], order[i-1]
	}
	for i, pts := range order {
		u := &media.Unit{PTS: pts, Key: i == 0, Payload: g.picture(1280, 720, i == 0, 300+g.IntN(3000))}
		tr.source = append(tr.source, u)
		a.Sent.Add(u)
	}
	pts := slices.Sorted(slices.Values(order))
	source := receipt.Source{Lease: a.Lease.Hash(), Seq: 4, Attempt: 2, Width: 1280, Height: 720}
	if g.IntN(2) == 0 {
		source.ResumeAfter = []int64{pts[g.IntN(frames)], pts[0] - 1}
	}
	a.Source = a.Sent.Source(source)

	for i, rung := range a.Rungs {
		var after *int64
		if source.ResumeAfter != nil {
			after = &source.ResumeAfter[i]
		}
		var units []*media.Unit
		for j, pts := range verify.Expected(pts, int(rung.Divisor), after) {
			units = append(units, &media.Unit{PTS: pts, DTS: pts, Key: j == 0, Payload: g.picture(int(rung.Width), int(rung.Height), j == 0, 300+g.IntN(600))})
		}
		tr.made = append(tr.made, units)
	}
	return tr
}

// answer makes the operator's signed receipt for what was made, lies about it if told to, and has it judged.
func (tr *trial) answer(tb testing.TB, lie func(r *receipt.Receipt)) verify.Verdict {
	tb.Helper()
	a := &tr.attempt
	r := receipt.Receipt{
		Lease: a.Source.Lease, Seq: a.Source.Seq, Attempt: a.Source.Attempt, Source: a.Source.Hash(), Prev: a.Prev,
		Ticket: receipt.TicketTerms{RandHash: common.Hash{1}, FaceValue: *uint256.NewInt(1e9), Expiry: uint64(start.Unix()) + 3600},
	}
	a.Received = nil
	for i, rung := range a.Rungs {
		received, root := verify.NewReceived(rung), receipt.NewMerkle(rung.Hash())
		for _, u := range tr.made[i] {
			received.Add(u)
			root.Add(u)
		}
		a.Received = append(a.Received, received)
		r.Renditions = append(r.Renditions, receipt.Rendition{
			Profile: rung.Hash(), Root: root.Root(), Width: rung.Width, Height: rung.Height,
			Frames: root.Frames(), Bytes: root.Bytes(),
		})
	}
	fee, err := receipt.Fee(&a.Lease.Prices, a.Rungs, &a.Source, r.Renditions)
	if err != nil {
		tb.Fatal(err)
	}
	r.Fee = fee
	honest := r.Hash()
	if lie != nil {
		lie(&r)
	}
	signedHash := r.Hash()
	if tr.unsigned {
		signedHash = honest
	}
	sig, err := receipt.Sign(tr.key, domain, signedHash)
	if err != nil {
		tb.Fatal(err)
	}
	return verify.Receipt(a, &r, sig, tr.at)
}

func TestHonestWorkPasses(t *testing.T) {
	for seed := range uint64(200) {
		if v := newTrial(t, seed).answer(t, nil); !v.OK() {
			t.Fatalf("seed %d: %v", seed, v.Failures)
		}
	}
}

// TestLies: each lie is caught by the check that is named, and by no other unless it follows.
func TestLies(t *testing.T) {
	type lies struct {
		check string
		also  string                   // checks that fail with it
		setup func(tr *trial)          // what is really done
		lie   func(r *receipt.Receipt) // what is said
	}
	garbage := gen{rand.New(rand.NewPCG(1, 1))}
	for name, c := range map[string]lies{
		"late":                      {check: verify.CheckDeadline, setup: func(tr *trial) { tr.at = tr.attempt.Deadline.Add(1) }},
		"signed by another":         {check: verify.CheckSignature, setup: func(tr *trial) { tr.attempt.Operator[0]++ }},
		"changed after signing":     {check: verify.CheckSignature, setup: func(tr *trial) { tr.unsigned = true }, lie: func(r *receipt.Receipt) { r.Ticket.Epoch++ }},
		"for another chain":         {check: verify.CheckSignature, setup: func(tr *trial) { tr.attempt.Domain = eip712.NewDomain(1, domain.Contract()) }},
		"another lease":             {check: verify.CheckNames, lie: func(r *receipt.Receipt) { r.Lease[0]++ }},
		"another segment":           {check: verify.CheckNames, lie: func(r *receipt.Receipt) { r.Seq++ }},
		"an older attempt":          {check: verify.CheckNames, lie: func(r *receipt.Receipt) { r.Attempt-- }},
		"another source":            {check: verify.CheckNames, lie: func(r *receipt.Receipt) { r.Source[0]++ }},
		"left out of the chain":     {check: verify.CheckNames, lie: func(r *receipt.Receipt) { r.Prev = common.Hash{} }},
		"another profile":           {check: verify.CheckLadder, lie: func(r *receipt.Receipt) { r.Renditions[1].Profile[0]++ }},
		"another size":              {check: verify.CheckLadder, lie: func(r *receipt.Receipt) { r.Renditions[1].Width = 322 }},
		"a rendition less":          {check: verify.CheckLadder, lie: func(r *receipt.Receipt) { r.Renditions = r.Renditions[:1] }},
		"a rendition more":          {check: verify.CheckLadder, lie: func(r *receipt.Receipt) { r.Renditions = append(r.Renditions, r.Renditions[0]) }},
		"rungs swapped":             {check: verify.CheckLadder, also: "root frames fee byte count", lie: func(r *receipt.Receipt) { slices.Reverse(r.Renditions) }},
		"another root":              {check: verify.CheckRoot, lie: func(r *receipt.Receipt) { r.Renditions[0].Root[0]++ }},
		"frames not delivered":      {check: verify.CheckFrames, also: "fee", lie: func(r *receipt.Receipt) { r.Renditions[0].Frames += 9 }},
		"bytes not sent":            {check: verify.CheckBytes, also: "fee", lie: func(r *receipt.Receipt) { r.Renditions[0].Bytes += 1 << 20 }},
		"a higher fee":              {check: verify.CheckFee, lie: func(r *receipt.Receipt) { r.Fee.AddUint64(&r.Fee, 1) }},
		"a lower fee":               {check: verify.CheckFee, lie: func(r *receipt.Receipt) { r.Fee.SubUint64(&r.Fee, 1) }},
		"face value above lease's":  {check: verify.CheckTicket, lie: func(r *receipt.Receipt) { r.Ticket.FaceValue.AddUint64(&r.Ticket.FaceValue, 1) }},
		"expired ticket":            {check: verify.CheckTicket, lie: func(r *receipt.Receipt) { r.Ticket.Expiry = uint64(start.Unix()) }},
		"no rand":                   {check: verify.CheckTicket, lie: func(r *receipt.Receipt) { r.Ticket.RandHash = common.Hash{} }},
		"last picture missing":      {check: verify.CheckPictures, setup: func(tr *trial) { tr.made[1] = tr.made[1][:len(tr.made[1])-1] }},
		"a picture twice":           {check: verify.CheckPictures, setup: func(tr *trial) { tr.made[1] = append(tr.made[1], tr.made[1][len(tr.made[1])-1]) }},
		"wrong timestamp":           {check: verify.CheckPictures, setup: func(tr *trial) { tr.made[1][len(tr.made[1])-1].PTS++ }},
		"not in order":              {check: verify.CheckPictures, setup: func(tr *trial) { slices.Reverse(tr.made[1][len(tr.made[1])-2:]) }},
		"nothing made":              {check: verify.CheckPictures, setup: func(tr *trial) { tr.made[1] = nil }},
		"does not begin with a key": {check: verify.CheckKey, setup: func(tr *trial) { u := tr.made[1][0]; u.Key, u.Payload = false, annexB(garbage.slice(0x41, 50)) }},
		"key without parameters":    {check: verify.CheckKey, setup: func(tr *trial) { tr.made[1][0].Payload = annexB(garbage.slice(0x65, 50)) }},
		"key flag is false":         {check: verify.CheckCodec, setup: func(tr *trial) { tr.made[1][len(tr.made[1])-1].Key = true }},
		"garbage":                   {check: verify.CheckCodec, setup: func(tr *trial) { tr.made[1][len(tr.made[1])-1].Payload = []byte("not a picture") }},
		"empty picture":             {check: verify.CheckCodec, setup: func(tr *trial) { tr.made[1][len(tr.made[1])-1].Payload = nil }},
		"parameters only": {check: verify.CheckCodec, setup: func(tr *trial) {
			tr.made[1][len(tr.made[1])-1].Payload = annexB(sps(320, 180))
		}},
		"broken parameter set": {check: verify.CheckCodec, setup: func(tr *trial) {
			tr.made[1][len(tr.made[1])-1].Payload = annexB([]byte{0x67, 0x42}, garbage.slice(0x41, 50))
		}},
		"smaller pictures": {check: verify.CheckSize, setup: func(tr *trial) {
			tr.made[0][0].Payload = annexB(sps(320, 180), garbage.slice(0x65, 500))
		}},
		"wrong cropping": {check: verify.CheckSize, setup: func(tr *trial) {
			tr.made[0][0].Payload = annexB(sps(640, 368), garbage.slice(0x65, 500))
		}},
		"a second parameter set behind the slice": {check: verify.CheckSize, setup: func(tr *trial) {
			tr.made[0][0].Payload = annexB(sps(640, 362), garbage.slice(0x65, 500), sps(64, 64))
		}},
		"smaller in the middle": {check: verify.CheckSize, setup: func(tr *trial) {
			last := tr.made[1][len(tr.made[1])-1]
			last.Key, last.Payload = true, annexB(sps(160, 90), garbage.slice(0x65, 500))
		}},
		"padded to be paid by the MiB": {check: verify.CheckByteRate, setup: func(tr *trial) {
			last := tr.made[1][len(tr.made[1])-1]
			last.Payload = annexB(garbage.slice(0x41, 2<<20))
		}},
		"the source's pictures resold": {check: verify.CheckCopy, also: "size", setup: func(tr *trial) {
			tr.made[0][len(tr.made[0])-1].Payload = tr.source[0].Payload
			tr.made[0][len(tr.made[0])-1].Key = true
		}},
		"a slice of the source resold": {check: verify.CheckCopy, setup: func(tr *trial) {
			last := tr.made[0][len(tr.made[0])-1]
			last.Key, last.Payload = false, tr.source[1].Payload
		}},
	} {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(8) {
				tr := newTrial(t, seed)
				if len(tr.made[0]) < 3 || len(tr.made[1]) < 3 {
					continue // too short to lie about
				}
				if c.setup != nil {
					c.setup(tr)
				}
				v := tr.answer(t, c.lie)
				caught := false
				for _, f := range v.Failures {
					caught = caught || f.Check == c.check
					if f.Check != c.check && !strings.Contains(c.also, f.Check) {
						t.Errorf("seed %d: also failed %v", seed, f)
					}
					if f.Want == "" || f.Got == "" || f.Want == f.Got {
						t.Errorf("seed %d: a failure that does not explain itself: %+v", seed, f)
					}
				}
				if !caught {
					t.Errorf("seed %d: not caught by %q: %v", seed, c.check, v.Failures)
				}
			}
		})
	}
}

func TestExpected(t *testing.T) {
	pts := []int64{300, 100, 200, 500, 400, 600}
	after := func(v int64) *int64 { return &v }
	for _, c := range []struct {
		divisor int
		after   *int64
		want    []int64
	}{
		{1, nil, []int64{100, 200, 300, 400, 500, 600}},
		{2, nil, []int64{100, 300, 500}},
		{3, nil, []int64{100, 400}},
		{2, after(100), []int64{300, 500}},
		{2, after(299), []int64{300, 500}},
		{1, after(600), []int64{}},
		{0, nil, []int64{100, 200, 300, 400, 500, 600}},
	} {
		if got := verify.Expected(pts, c.divisor, c.after); !slices.Equal(got, c.want) {
			t.Errorf("divisor %d: %v, want %v", c.divisor, got, c.want)
		}
	}
}

// TestResumeWithNothingLeft: all had been published before; a receipt over no pictures is right.
func TestResumeWithNothingLeft(t *testing.T) {
	tr := newTrial(t, 3)
	last := int64(1 << 40)
	tr.attempt.Source.ResumeAfter = []int64{last, last}
	tr.made = [][]*media.Unit{nil, nil}
	if v := tr.answer(t, nil); !v.OK() {
		t.Error(v.Failures)
	}
}

// FuzzReceived: whatever comes from an orchestrator is judged, never a crash.
func FuzzReceived(f *testing.F) {
	f.Add(uint8(1), annexB(sps(320, 180), []byte{0x65, 1}), true)
	f.Add(uint8(2), annexB([]byte{0x42, 1, 1}), true)
	f.Add(uint8(3), []byte{0x12, 0, 0x0a, 0x0b, 0, 0, 0}, false)
	f.Add(uint8(1), bytes.Repeat([]byte{0, 0, 1, 0x67}, 5), false)
	f.Fuzz(func(t *testing.T, codec uint8, payload []byte, key bool) {
		r := verify.NewReceived(receipt.Rung{Codec: media.Codec(codec), Width: 320, Height: 180, Bitrate: 1000, Divisor: 1})
		r.Add(&media.Unit{Payload: payload, Key: key})
		if r.Frames() != 1 {
			t.Error("a unit was not counted")
		}
	})
}

func BenchmarkReceived(b *testing.B) {
	g := gen{rand.New(rand.NewPCG(1, 5))}
	for _, n := range []int{2000, 20_000} {
		b.Run(fmt.Sprint("bytes=", n), func(b *testing.B) {
			r := verify.NewReceived(receipt.Rung{Codec: media.H264, Width: 640, Height: 360})
			u := &media.Unit{Payload: g.picture(640, 360, false, n)}
			b.SetBytes(int64(n))
			b.ReportAllocs()
			for range b.N {
				r.Add(u)
			}
		})
	}
}
