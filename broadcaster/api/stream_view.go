package api

import (
	"encoding/json"
	"time"

	"github.com/holiman/uint256"
)

// Wei is an exact amount as a decimal string, because a JSON number would be rounded. Empty means unknown.
type Wei string

// WeiOf writes an amount.
func WeiOf(v uint256.Int) Wei { return Wei(v.Dec()) }

// State says where a stream is in its life.
type State string

// The states of a stream.
const (
	Starting State = "starting" // a publisher is there, its first key frame is not
	Live     State = "live"
	Waiting  State = "waiting" // the publisher is gone, and may come back
	Ended    State = "ended"   // the publisher left; the view stays for a while, so that people read why
)

// Health is one word for how something does.
type Health string

// The words. The page colours only Bad as something that needs a person.
const (
	Good    Health = "good"
	Fair    Health = "fair"
	Bad     Health = "bad"
	Unknown Health = "unknown"
)

// StreamView is everything a page shows of one stream: GET /api/v1/streams/{id}, and each "stream" event.
type StreamView struct {
	// ID is public: it names the stream in URLs, and tells nothing of the key that it is published with.
	ID        string    `json:"id"`
	State     State     `json:"state"`
	StartedAt time.Time `json:"startedAt"`
	// Ended says in words why the stream is over, empty before.
	Ended string `json:"ended,omitempty"`

	Input      InputView       `json:"input"`
	Segments   SegmentsView    `json:"segments"`
	Renditions []RenditionView `json:"renditions"` // the source first, then the ladder, largest first
	// Viewers counts those who watch now, by any protocol.
	Viewers int `json:"viewers"`
	// Targets are the servers that the stream is pushed on to, if any.
	Targets []TargetView `json:"targets,omitempty"`
	// Orchestrator is who makes the ladder now; null while nobody does.
	Orchestrator *ServiceView `json:"orchestrator"`
	Verified     VerifiedView `json:"verified"`
	Paid         PaidView     `json:"paid"`
	// Events are the last few, newest first.
	Events []EventView `json:"events"`
	// Warnings need a person, the most urgent first.
	Warnings []WarningView `json:"warnings"`
}

// withLists returns v with empty lists for nil ones: pages need not ask whether a list is there.
func (v StreamView) withLists() StreamView {
	v.Renditions = append([]RenditionView{}, v.Renditions...)
	v.Events = append([]EventView{}, v.Events...)
	v.Warnings = append([]WarningView{}, v.Warnings...)
	v.Input.MoreAdvice = append([]string{}, v.Input.MoreAdvice...)
	v.Verified.Checks = append([]CheckView{}, v.Verified.Checks...)
	return v
}

// TargetView is a server that a stream is pushed on to.
type TargetView struct {
	// ID numbers targets. One that is Fixed is the broadcaster's own configuration: it cannot be removed.
	ID        int       `json:"id"`
	Fixed     bool      `json:"fixed"`
	Rendition string    `json:"rendition"` // "source", "720p"
	Server    string    `json:"server"`    // "rtmps://live.example.com", without the key
	State     string    `json:"state"`     // idle, connecting, live, pausing (before the next attempt), impossible
	Since     time.Time `json:"since"`     // of the state
	Bytes     int64     `json:"bytes"`     // of coded media sent since the process began
	// Restarts counts the connections that ended before the stream did, or never came about; LastError is of the last.
	Restarts  int    `json:"restarts"`
	LastError string `json:"lastError,omitempty"`
}

// InputView is what the publisher sends.
type InputView struct {
	Protocol string `json:"protocol"` // "RTMP"
	Codec    string `json:"codec"`    // "H264"
	Audio    string `json:"audio"`    // "AAC"; empty without sound
	Width    int    `json:"width"`    // luma samples
	Height   int    `json:"height"`
	// FPS and Bitrate (bits a second) are measured over the last seconds; 0 until they are known.
	FPS     float64 `json:"fps"`
	Bitrate int64   `json:"bitrate"`
	// GOPSeconds is the distance of the last two key frames, or the time since the last where that is longer; 0 until it
	// is known.
	GOPSeconds float64 `json:"gopSeconds"`
	BFrames    bool    `json:"bFrames"`
	// DriftSeconds is by how much the stream fell behind the wall clock in the last 30 s; below 0 it ran ahead.
	DriftSeconds float64 `json:"driftSeconds"`
	// Missing counts pictures that did not come in the last 30 s, by gaps in a steady rate, and Pictures those that came.
	// Where the rate is Irregular, as of a shared screen, nothing is known to be missing.
	Missing   int    `json:"missing"`
	Pictures  int    `json:"pictures"`
	Irregular bool   `json:"irregular"`
	Remote    string `json:"remote"` // the publisher's address
	Health    Health `json:"health"`
	// Advice is the one thing that would help the most, in words, and MoreAdvice what else would; empty where there is
	// nothing to say. A stream in good health may still get a hint.
	Advice     string   `json:"advice"`
	MoreAdvice []string `json:"moreAdvice"`
}

// SegmentsView says how far the stream is cut.
type SegmentsView struct {
	Count int64 `json:"count"`
	// LastSeconds is the length of the last closed one; 0 before the first.
	LastSeconds float64 `json:"lastSeconds"`
}

// RenditionView is one thing to watch.
type RenditionView struct {
	Name    string  `json:"name"` // "source", "720p"
	Width   int     `json:"width"`
	Height  int     `json:"height"`
	Bitrate int64   `json:"bitrate"` // bits a second, measured where possible, else the target
	FPS     float64 `json:"fps"`
	Codec   string  `json:"codec"`
	// Own says that the publisher sends it itself: no orchestrator makes it, and nobody is paid for it.
	Own bool `json:"own,omitempty"`
	// WHEP says that WebRTC can play it now. A source with B-frames cannot.
	WHEP bool `json:"whep"`
	// WhyNot says in words why WebRTC cannot; empty where it can.
	WhyNot string `json:"whyNot,omitempty"`
}

// ServiceView is an orchestrator at work for one stream.
type ServiceView struct {
	ID   string `json:"id"`   // the owner's address
	Name string `json:"name"` // what people call it; empty where it has no name
	// Why says in words why it serves: "lowest delay of the 3 drawn".
	Why         string  `json:"why"`
	URL         string  `json:"url"`
	RoundTripMS float64 `json:"roundTripMs"` // smoothed; 0 until it is known
	// StakeShare is its part of all stake, 0 to 1.
	StakeShare float64   `json:"stakeShare"`
	Since      time.Time `json:"since"`
	// Standby names who would take over; empty where nobody is warm.
	Standby string `json:"standby,omitempty"`
	// Lease is the signed object as JSON, for people who want to check it.
	Lease json.RawMessage `json:"lease,omitempty"`
}

// VerifiedView says what came of the checks.
type VerifiedView struct {
	OK     int64 `json:"ok"`     // segments that passed all of them
	Failed int64 `json:"failed"` // segments that did not, and are not paid
	// LastFailure says in words what was wrong; empty where nothing ever was.
	LastFailure string `json:"lastFailure,omitempty"`
	// Checks are done on every segment.
	Checks []CheckView `json:"checks"`
	// Receipt is the last signed receipt as JSON.
	Receipt json.RawMessage `json:"receipt,omitempty"`
}

// CheckView is one kind of check, counted over all segments of the stream.
type CheckView struct {
	Name   string `json:"name"` // in words: "every picture is there"
	OK     int64  `json:"ok"`
	Failed int64  `json:"failed"`
}

// PaidView says what the stream has paid, in wei of the chain's coin. Which tickets won is their recipient's secret
// until it redeems them.
type PaidView struct {
	TicketsSent int64 `json:"ticketsSent"`
	EVWei       Wei   `json:"evWei"`    // expected value of the tickets sent
	FeesWei     Wei   `json:"feesWei"`  // sum of the receipts' fees: what was earned. Equals EVWei once all are answered
	Redeemed    int64 `json:"redeemed"` // winners that the chain has paid
	RedeemedWei Wei   `json:"redeemedWei"`
	// Ticket is the last one sent, as JSON.
	Ticket json.RawMessage `json:"ticket,omitempty"`
}

// Stop names a stop of the road from camera to viewer.
type Stop string

// The stops, in order.
const (
	StopIn           Stop = "in"
	StopSegments     Stop = "segments"
	StopOrchestrator Stop = "orchestrator"
	StopVerified     Stop = "verified"
	StopPaid         Stop = "paid"
)

// EventView is something that happened, as a sentence.
type EventView struct {
	At   time.Time `json:"at"`
	Stop Stop      `json:"stop"`
	Text string    `json:"text"`
	// Level is Good for news, Fair for what mended itself, Bad for what needs a person.
	Level Health `json:"level"`
}

// WarningView is what somebody should do something about.
type WarningView struct {
	Text string `json:"text"` // what happened and what it means
	Next string `json:"next"` // the next step; may be a command
}
