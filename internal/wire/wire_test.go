package wire_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"reflect"
	"testing"

	"google.golang.org/protobuf/proto"

	"castnet/internal/media"
	"castnet/internal/wire"
	"castnet/transcoder"
)

var (
	track = &media.Track{
		Codec: media.H264, ClockRate: media.VideoClockRate, Config: []byte{0, 0, 0, 1, 0x67},
		Width: 1280, Height: 720, FrameRate: 29.97, Reorder: 2,
	}
	unit = &media.Unit{PTS: -7, DTS: -9, Key: true, Discontinuity: true, Payload: []byte{0, 0, 0, 1, 0x65}}

	inputs = []transcoder.Input{
		transcoder.StartSegment{Seq: 1 << 40, Attempt: 2, FirstPTS: -7, Track: track, Fresh: true},
		transcoder.StartSegment{Seq: 1, Track: track, ResumeAfter: []int64{-1, 1 << 50}},
		transcoder.WriteUnit{Unit: unit, Prefix: true},
		transcoder.EndSegment{Seq: 1, Attempt: 2, Drain: true},
		transcoder.RequestKey{Rendition: 2},
		transcoder.CancelSegment{Seq: 1, Attempt: 2},
		transcoder.WriteRendition{Unit: unit},
	}
	outputs = []transcoder.Output{
		transcoder.Rendered{Seq: 1, Attempt: 2, Rendition: 1, Unit: unit},
		transcoder.SegmentDone{Seq: 1, Attempt: 2, Width: 1280, Height: 720, Frames: 60, PrefixFrames: 3},
		transcoder.Progress{Seq: 1, Attempt: 2, DecodedPTS: -7, OutputPTS: []int64{1, 2, 3}},
		transcoder.BadInput{Seq: 1, Attempt: 2, PTS: -7, Reason: "no picture"},
		transcoder.Compared{PTS: -7, Source: make([]byte, 160*90), Rendition: make([]byte, 160*90)},
	}
)

// Every message survives framing and conversion unchanged.
func TestRoundTrip(t *testing.T) {
	conn := wire.NewConn(new(bytes.Buffer))
	for _, in := range inputs {
		m, err := wire.EncodeInput(in)
		check(t, err)
		check(t, conn.Write(m))
		var got wire.ToTranscoder
		check(t, conn.Read(&got))
		back, err := wire.DecodeInput(&got)
		check(t, err)
		equal(t, back, in)
	}
	for _, out := range outputs {
		m, err := wire.EncodeOutput(out)
		check(t, err)
		check(t, conn.Write(m))
		var got wire.FromTranscoder
		check(t, conn.Read(&got))
		back, err := wire.DecodeOutput(&got)
		check(t, err)
		equal(t, back, out)
	}
	if err := conn.Read(new(wire.ToTranscoder)); !errors.Is(err, io.EOF) {
		t.Fatalf("end of stream: %v", err)
	}
}

func TestOpenRoundTrip(t *testing.T) {
	audio := &media.Track{Codec: media.AAC, ClockRate: 44_100, Channels: 2, Config: []byte{0x12, 0x10}}
	for _, cfg := range []transcoder.SessionConfig{
		{ID: "lease", Customer: "0x01", Ladder: transcoder.DefaultLadder(1920, 1080)},
		{ID: "audit", Audit: &transcoder.AuditJob{Source: track, Rendition: track}},
		{ID: "sound", Audio: &transcoder.AudioJob{From: audio, Codec: media.Opus, Bitrate: 96_000}},
	} {
		got, err := wire.DecodeOpen(wire.EncodeOpen(cfg))
		check(t, err)
		equal(t, got, cfg)
	}
}

// What breaks a rule is refused as ErrInvalid, before libav could see it.
func TestRefusals(t *testing.T) {
	for name, m := range map[string]proto.Message{
		"unit without payload": &wire.ToTranscoder{Message: &wire.ToTranscoder_Unit{Unit: &wire.WriteUnit{}}},
		"nothing":              &wire.ToTranscoder{},
		"no track":             start(nil),
		"unknown codec":        start(&wire.Track{Codec: 99, ClockRate: 90_000}),
		"codec above a byte":   start(&wire.Track{Codec: 257, ClockRate: 90_000}),
		"sound as video":       start(&wire.Track{Codec: 16, ClockRate: 48_000, Channels: 2}),
		"other clock":          start(&wire.Track{Codec: 1, ClockRate: 1000}),
		"16k picture":          start(&wire.Track{Codec: 1, ClockRate: 90_000, Width: 16384, Height: 16384}),
		"deep reorder":         start(&wire.Track{Codec: 1, ClockRate: 90_000, Reorder: 17}),
		"rendition 8": &wire.ToTranscoder{Message: &wire.ToTranscoder_RequestKey{
			RequestKey: &wire.RequestKey{Rendition: 8},
		}},
	} {
		if _, err := wire.DecodeInput(m.(*wire.ToTranscoder)); !errors.Is(err, wire.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := wire.DecodeLadder(make([]*wire.Profile, 9)); !errors.Is(err, wire.ErrInvalid) {
		t.Errorf("nine rungs: %v", err)
	}
	if _, err := wire.DecodeUnit(&wire.Unit{Payload: make([]byte, media.MaxUnitBytes+1)}); !errors.Is(err, media.ErrUnitTooLarge) {
		t.Errorf("large unit: %v", err)
	}
}

func start(track *wire.Track) *wire.ToTranscoder {
	return &wire.ToTranscoder{Message: &wire.ToTranscoder_StartSegment{StartSegment: &wire.StartSegment{Track: track}}}
}

func TestFramingLimits(t *testing.T) {
	var claim [4]byte
	binary.BigEndian.PutUint32(claim[:], wire.MaxMessageBytes+1)
	if err := wire.NewConn(bytes.NewBuffer(claim[:])).Read(new(wire.Unit)); !errors.Is(err, wire.ErrMessageTooLarge) {
		t.Errorf("a claim of 9 MiB and a byte: %v", err)
	}
	short := bytes.NewBuffer([]byte{0, 0, 0, 9, 1, 2})
	if err := wire.NewConn(short).Read(new(wire.Unit)); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a message cut short: %v", err)
	}
	if err := wire.NewConn(new(bytes.Buffer)).Write(&wire.Unit{Payload: make([]byte, wire.MaxMessageBytes)}); !errors.Is(err, wire.ErrMessageTooLarge) {
		t.Errorf("writing a large message: %v", err)
	}
}

// No bytes make a decoder of messages fail other than by an error.
func FuzzDecode(f *testing.F) {
	for _, in := range inputs {
		m, err := wire.EncodeInput(in)
		check(f, err)
		raw, err := proto.Marshal(m)
		check(f, err)
		f.Add(raw)
	}
	f.Fuzz(func(_ *testing.T, raw []byte) {
		var to wire.ToTranscoder
		if proto.Unmarshal(raw, &to) == nil {
			_, _ = wire.DecodeInput(&to)
			_, _ = wire.DecodeOpen(to.GetOpen())
		}
		var from wire.FromTranscoder
		if proto.Unmarshal(raw, &from) == nil {
			_, _ = wire.DecodeOutput(&from)
			_ = wire.DecodeOpened(&from)
		}
	})
}

func check(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

func equal(t *testing.T, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("got  %+v\nwant %+v", got, want)
	}
}
