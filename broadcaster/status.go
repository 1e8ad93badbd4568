package broadcaster

import (
	"time"

	"github.com/holiman/uint256"

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

	Video, Audio *media.Track // nil without
	Input        Input
	Ladder       transcoder.Ladder

	// Segments counts those begun, Verified and Failed those whose receipts passed and did not, GivenUp those that
	// nobody transcoded in time.
	Segments, Verified, Failed, GivenUp int
	LastFailure                         string
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
	Orchestrator Orchestrator
	Lease        rpc.SignedLease
	Why          string // why it was chosen
	Since        time.Time
	RoundTrip    time.Duration // of its quote
	Lag          time.Duration // median output lag behind units sent
}

// Input is what the publisher sends, measured over the last seconds.
type Input struct {
	FPS         float64 // pictures a second
	Bitrate     int     // bits a second
	KeyInterval time.Duration
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
	if s.audio >= 0 {
		st.Audio = s.tracks[s.audio]
	}
	st.Input = s.input.read()
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
	s.input.add(u)
}

// inputWindow is over how much of the stream the input is measured, in video ticks.
const inputWindow = 4 * media.VideoClockRate

// inputMeter measures a publisher's pictures by the stream's own clock. It is pure; the stream's lock guards it.
type inputMeter struct {
	units []inputUnit
	bytes int
	key   int64 // PTS of the last key picture
	keyed bool
	gop   time.Duration
}

type inputUnit struct {
	dts   int64
	bytes int
}

func (m *inputMeter) add(u *media.Unit) {
	m.units = append(m.units, inputUnit{u.DTS, len(u.Payload)})
	m.bytes += len(u.Payload)
	for len(m.units) > 1 && u.DTS-m.units[0].dts > inputWindow {
		m.bytes -= m.units[0].bytes
		m.units = m.units[1:]
	}
	if u.Key {
		if m.keyed {
			m.gop = videoTime(u.PTS - m.key)
		}
		m.key, m.keyed = u.PTS, true
	}
}

func (m *inputMeter) read() Input {
	n := len(m.units)
	if n < 2 {
		return Input{KeyInterval: m.gop}
	}
	span := videoTime(m.units[n-1].dts - m.units[0].dts).Seconds()
	if span <= 0 {
		return Input{KeyInterval: m.gop}
	}
	// n units span n − 1 intervals; the first one's bytes lie before the span.
	return Input{
		FPS:         float64(n-1) / span,
		Bitrate:     int(float64(m.bytes-m.units[0].bytes) * 8 / span),
		KeyInterval: m.gop,
	}
}
