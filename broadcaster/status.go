package broadcaster

import (
	"time"

	"github.com/holiman/uint256"

	"castnet/broadcaster/health"
	"castnet/broadcaster/market"
	"castnet/internal/media"
	"castnet/orchestrator/rpc"
	payments "castnet/probabilistic-payments"
	"castnet/transcoder"
)

// State is where a stream is in its life.
type State string

// The states of a stream.
const (
	Starting State = "starting" // a publisher is connected, no picture yet
	Live     State = "live"
	Waiting  State = "waiting" // the publisher is gone, and may come back
	Ended    State = "ended"
)

// keptNotes is how many of a stream's last events are kept.
const keptNotes = 20

// Stop is the part of a stream's way that a note is about.
type Stop string

// The stops, in order.
const (
	AtInput        Stop = "in"
	AtSegments     Stop = "segments"
	AtOrchestrator Stop = "orchestrator"
	AtVerified     Stop = "verified"
	AtPaid         Stop = "paid"
)

// Note is something that happened to a stream, in words for people.
type Note struct {
	At   time.Time
	Stop Stop
	Text string
	// Trouble says that it is no good news; it may have mended itself.
	Trouble bool
}

// Status is what there is to know of a stream now. It is a copy.
type Status struct {
	ID               string
	State            State
	Started          time.Time
	Protocol, Remote string // how and from where the publisher came
	EndReason        string // why the stream is over, empty before

	Video  *media.Track   // nil without
	Sounds []*media.Track // in the publisher's order
	// Input is what the publisher sends.
	Input  health.Input
	Ladder transcoder.Ladder
	// Own names the rungs that the publisher makes itself: nobody is paid for them.
	Own []string

	// Segments counts those begun, Verified and Failed those whose receipts passed and did not, GivenUp those that
	// nobody transcoded in time.
	Segments, Verified, Failed, GivenUp int
	LastFailure                         string
	// Audited counts the segments of which a rendition was compared with the source.
	Audited int
	// FailedChecks counts failed segments by the checks of package verify that they failed.
	FailedChecks map[string]int
	// LastSegment is the length of the segment verified last.
	LastSegment time.Duration

	Serving *Serving // nil while nobody serves
	// Problem says why nobody serves, empty where somebody does.
	Problem string

	// Fees is the sum of the receipts' fees that were verified, Paid of the tickets sent for them, in wei.
	Fees, Paid uint256.Int
	// Tickets counts those sent, Accepted those that the orchestrator acknowledged.
	Tickets, Accepted int
	// LastReceipt and LastTicket are the newest signed objects, nil before the first.
	LastReceipt *rpc.SignedReceipt
	LastTicket  *payments.SignedTicket

	Notes []Note // oldest first
}

// Serving says who serves a stream, and how well.
type Serving struct {
	Orchestrator market.Orchestrator
	Lease        rpc.SignedLease
	Why          string // why it was chosen
	Since        time.Time
	RoundTrip    time.Duration // of its quote
	Lag          time.Duration // median output lag behind units sent
}

// Status returns a copy of the stream's status.
func (s *Stream) Status() Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.status
	st.Protocol, st.Remote = s.request.Protocol, s.request.Remote
	if s.video >= 0 {
		st.Video = s.tracks[s.video]
	}
	for _, i := range s.sounds {
		st.Sounds = append(st.Sounds, s.tracks[i])
	}
	st.Input = s.input.Read(s.b.cfg.Now())
	if st.Video == nil {
		st.Input.Pictures = 0 // it has metered packets of sound
	}
	if st.Video != nil && st.Video.Reorder > 0 {
		st.Input.BFrames = true // the codec's parameters say so before a picture does
	}
	if s.over {
		st.Input.Silent = 0 // nothing is expected any more
	}
	if s.status.Serving != nil {
		serving := *s.status.Serving
		st.Serving = &serving
	}
	st.Notes = append([]Note(nil), s.status.Notes...)
	return st
}

// update changes the status under its lock.
func (s *Stream) update(change func(*Status)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.status)
}

func (s *Stream) setState(state State) { s.update(func(st *Status) { st.State = state }) }

// note keeps good news for people.
func (s *Stream) note(stop Stop, text string) { s.keep(Note{Stop: stop, Text: text}) }

// trouble keeps bad news for people.
func (s *Stream) trouble(stop Stop, text string) { s.keep(Note{Stop: stop, Text: text, Trouble: true}) }

func (s *Stream) keep(n Note) {
	n.At = s.b.cfg.Now()
	s.update(func(st *Status) {
		st.Notes = append(st.Notes, n)
		if n := len(st.Notes); n > keptNotes {
			st.Notes = append([]Note(nil), st.Notes[n-keptNotes:]...)
		}
	})
}

func (s *Stream) meter(u *media.Unit) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.input.Add(u, s.b.cfg.Now())
}
