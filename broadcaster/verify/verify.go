// Package verify judges whether a segment is what we pay for, without decoding it: signatures, roots over what was really
// received, counts and timestamps, the size in every parameter set, byte rates, copies, the fee, the ticket's terms and
// the deadline. It is pure: what it needs of time comes in as an argument.
package verify

import (
	"fmt"
	"strconv"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"castnet/internal/receipt"
)

// Attempt is one attempt at a segment, as the broadcaster knows it.
type Attempt struct {
	Domain receipt.Domain
	// Operator is the key that signs for the lease's orchestrator.
	Operator common.Address
	Lease    receipt.Lease
	// Rungs are the lease's ladder.
	Rungs []receipt.Rung
	// Source is what we signed, Sent what it was made from, Received what came back for each rung.
	Source   receipt.Source
	Sent     *Sent
	Received []*Received
	// Prev is the last receipt's hash on this lease, zero for the first.
	Prev common.Hash
	// Deadline is when the receipt had to be here.
	Deadline time.Time
}

// Failure is one thing that is not as it has to be.
type Failure struct {
	// Check names the check that failed, one of the Check constants.
	Check string
	// Rendition names the rendition at fault by its size; empty where it is the whole receipt.
	Rendition string
	// Want and Got are what had to be and what was, in plain words.
	Want, Got string
}

// The checks.
const (
	CheckDeadline  = "deadline"   // the receipt came in time
	CheckSignature = "signature"  // the operator signed it
	CheckNames     = "names"      // it names our lease, segment, attempt, source and the receipt before it
	CheckLadder    = "ladder"     // its renditions are the lease's rungs, with their sizes
	CheckRoot      = "root"       // its roots are those over what was received
	CheckFrames    = "frames"     // its counts are those of what was received
	CheckPictures  = "pictures"   // every expected picture is there, once, in order, and no other
	CheckKey       = "key"        // what was received begins with a key picture
	CheckCodec     = "codec"      // every unit is well-formed video of the rung's codec
	CheckSize      = "size"       // every parameter set says the rung's size
	CheckByteRate  = "byte rate"  // the bytes fit the rung's bitrate
	CheckCopy      = "copy"       // no coded picture of the source is passed off as made
	CheckFee       = "fee"        // the fee is what the lease's prices make it
	CheckTicket    = "ticket"     // the ticket's terms keep to the lease
	CheckBytes     = "byte count" // its byte counts are those of what was received
)

// String is the failure in one line.
func (f Failure) String() string {
	where := f.Check
	if f.Rendition != "" {
		where = f.Rendition + " " + f.Check
	}
	return fmt.Sprintf("%s: wanted %s, got %s", where, f.Want, f.Got)
}

// Verdict is the result of all checks.
type Verdict struct{ Failures []Failure }

// OK reports that the receipt is to be paid.
func (v *Verdict) OK() bool { return len(v.Failures) == 0 }

func (v *Verdict) fail(check, rendition string, want, got any) {
	v.Failures = append(v.Failures, Failure{check, rendition, fmt.Sprint(want), fmt.Sprint(got)})
}

// Receipt judges a receipt that arrived at a time.
func Receipt(a *Attempt, r *receipt.Receipt, signature []byte, at time.Time) Verdict {
	var v Verdict
	if at.After(a.Deadline) {
		v.fail(CheckDeadline, "", "at "+a.Deadline.Format(time.RFC3339Nano), at.Sub(a.Deadline).String()+" later")
	}
	if err := receipt.CheckSigner(a.Domain, r.Hash(), signature, a.Operator); err != nil {
		v.fail(CheckSignature, "", "the signature of "+a.Operator.Hex(), err)
	}
	v.names(a, r)
	v.ticket(a, &r.Ticket, at)
	if len(r.Renditions) != len(a.Rungs) || len(a.Received) != len(a.Rungs) {
		v.fail(CheckLadder, "", strconv.Itoa(len(a.Rungs))+" renditions", len(r.Renditions))
		return v
	}
	for i := range a.Rungs {
		v.rendition(a, i, &r.Renditions[i])
	}
	switch fee, err := receipt.Fee(&a.Lease.Prices, a.Rungs, &a.Source, r.Renditions); {
	case err != nil:
		v.fail(CheckFee, "", "a fee by the lease's prices", err)
	case fee != r.Fee:
		v.fail(CheckFee, "", fee.Dec()+" wei", r.Fee.Dec()+" wei")
	}
	return v
}

// names checks that the receipt is about this attempt and continues the lease's chain.
func (v *Verdict) names(a *Attempt, r *receipt.Receipt) {
	if r.Lease != a.Source.Lease || r.Seq != a.Source.Seq || r.Attempt != a.Source.Attempt {
		v.fail(CheckNames, "", fmt.Sprintf("segment %d attempt %d of lease %s", a.Source.Seq, a.Source.Attempt, a.Source.Lease.TerminalString()),
			fmt.Sprintf("segment %d attempt %d of lease %s", r.Seq, r.Attempt, r.Lease.TerminalString()))
	}
	if want := a.Source.Hash(); r.Source != want {
		v.fail(CheckNames, "", "our source "+want.TerminalString(), r.Source.TerminalString())
	}
	if r.Prev != a.Prev {
		v.fail(CheckNames, "", "the previous receipt "+a.Prev.TerminalString(), r.Prev.TerminalString())
	}
}

// ticket checks the terms that a ticket is asked for on.
func (v *Verdict) ticket(a *Attempt, t *receipt.TicketTerms, at time.Time) {
	if t.FaceValue.Gt(&a.Lease.MaxFaceValue) {
		v.fail(CheckTicket, "", "a face value up to "+a.Lease.MaxFaceValue.Dec()+" wei", t.FaceValue.Dec()+" wei")
	}
	if now := uint64(max(0, at.Unix())); t.Expiry <= now {
		v.fail(CheckTicket, "", fmt.Sprintf("an expiry after %d", now), t.Expiry)
	}
	if (t.RandHash == common.Hash{}) {
		v.fail(CheckTicket, "", "a rand hash", "none")
	}
}

// rendition checks one rendition: what the receipt says of it, and what was received.
func (v *Verdict) rendition(a *Attempt, i int, said *receipt.Rendition) {
	rung, got := &a.Rungs[i], a.Received[i]
	name := sizeName(rung.Width, rung.Height)
	if said.Profile != rung.Hash() {
		v.fail(CheckLadder, name, "the lease's rung "+rung.Hash().TerminalString(), said.Profile.TerminalString())
	}
	if said.Width != rung.Width || said.Height != rung.Height {
		v.fail(CheckLadder, name, name, sizeName(said.Width, said.Height))
	}
	if want := got.merkle.Root(); said.Root != want {
		v.fail(CheckRoot, name, want.TerminalString()+" over what was received", said.Root.TerminalString())
	}
	if said.Frames != got.merkle.Frames() {
		v.fail(CheckFrames, name, fmt.Sprint(got.merkle.Frames(), " as received"), said.Frames)
	}
	if said.Bytes != got.merkle.Bytes() {
		v.fail(CheckBytes, name, fmt.Sprint(got.merkle.Bytes(), " as received"), said.Bytes)
	}
	v.pictures(a, i, name)
	v.coding(rung, got, name)
	if pts, found := got.copyOf(a.Sent); found {
		v.fail(CheckCopy, name, "pictures of its own", fmt.Sprint("the source's picture at PTS ", pts))
	}
}

// pictures checks that exactly the expected pictures came, in order.
func (v *Verdict) pictures(a *Attempt, i int, name string) {
	got := a.Received[i].pts
	want := Expected(a.Sent.pts, int(a.Rungs[i].Divisor), a.resumeAfter(i))
	if len(got) != len(want) {
		v.fail(CheckPictures, name, strconv.Itoa(len(want))+" pictures", len(got))
		return
	}
	for j := range want {
		if got[j] != want[j] {
			v.fail(CheckPictures, name, fmt.Sprintf("PTS %d as picture %d", want[j], j), got[j])
			return
		}
	}
}

// resumeAfter is the PTS after which pictures of a rendition were asked for; nil for all.
func (a *Attempt) resumeAfter(i int) *int64 {
	if i >= len(a.Source.ResumeAfter) {
		return nil
	}
	return &a.Source.ResumeAfter[i]
}

// coding checks what can be seen of the coded pictures.
func (v *Verdict) coding(rung *receipt.Rung, got *Received, name string) {
	if got.codingErr != nil {
		v.fail(CheckCodec, name, rung.Codec, got.codingErr)
	}
	if got.wrongSize != "" {
		v.fail(CheckSize, name, name+" in every parameter set", got.wrongSize)
	}
	if len(got.pts) > 0 && !got.firstKey {
		v.fail(CheckKey, name, "a key picture with its parameter sets first", "another")
	}
	least, most := got.byteBounds(rung)
	if n := got.merkle.Bytes(); n < least || n > most {
		v.fail(CheckByteRate, name, fmt.Sprintf("%d to %d bytes", least, most), n)
	}
}

func sizeName(width, height uint32) string { return fmt.Sprintf("%dx%d", width, height) }
