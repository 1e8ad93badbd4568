package av_test

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"castnet/internal/media"
	"castnet/test/clip"
	"castnet/transcoder"
	"castnet/transcoder/av"
)

// These feed libav, through the glue, what a stream could hold. A crash of the process is a finding, and so is a session
// that says nothing. Data is split into units at every byte 0xfe.

// survives opens a session, sends everything, and receives until an output is the last, or an error. A session that is
// refused is no finding.
func survives(t *testing.T, cfg transcoder.SessionConfig, in []transcoder.Input, last func(transcoder.Output) bool) {
	t.Helper()
	s, err := av.Open(t.Context(), cfg)
	if err != nil {
		return
	}
	defer func() { _ = s.Close() }()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	go func() {
		for _, i := range in {
			if s.Send(ctx, i) != nil {
				return
			}
		}
	}()
	for {
		out, err := s.Recv(ctx)
		if errors.Is(err, context.DeadlineExceeded) {
			t.Fatal("neither an end nor an error")
		}
		if err != nil || last(out) {
			return
		}
	}
}

func ends(out transcoder.Output) bool {
	switch out.(type) {
	case transcoder.SegmentDone, transcoder.BadInput:
		return true
	}
	return false
}

// finished is for jobs that go on after bad input.
func finished(out transcoder.Output) bool {
	_, done := out.(transcoder.SegmentDone)
	return done
}

// never is for jobs without an end: a message against their rules is sent last.
func never(transcoder.Output) bool { return false }

func fuzzTrack(codec, reorder byte, config []byte) *media.Track {
	return &media.Track{
		Codec: media.H264 + media.Codec(codec)%5, ClockRate: media.VideoClockRate, Reorder: int(reorder % 17), Config: config,
		Width: 320, Height: 180,
	}
}

func fuzzUnits(data []byte, ticks int64) []*media.Unit {
	var units []*media.Unit
	for i, payload := range bytes.SplitN(data, []byte{0xfe}, 16) {
		units = append(units, &media.Unit{PTS: int64(i) * ticks, DTS: int64(i) * ticks, Key: i == 0, Payload: payload})
	}
	return units
}

// seeds adds two pictures of each codec.
func seeds(f *testing.F, add func(v *clip.Video, data []byte)) {
	f.Helper()
	for _, c := range sources() {
		v, err := clip.MakeCoded(f.Context(), kinds(c.Codec)[0].coded(c))
		if err != nil {
			f.Fatal(err)
		}
		add(v, bytes.Join([][]byte{v.Units[0].Payload, v.Units[1].Payload}, []byte{0xfe}))
	}
}

func FuzzSession(f *testing.F) {
	seeds(f, func(v *clip.Video, data []byte) {
		f.Add(byte(v.Track.Codec), byte(v.Track.Reorder), v.Track.Config, data)
	})
	rung := transcoder.Ladder{{Name: "x", Codec: media.H264, Width: 160, Height: 90, Bitrate: 100_000, Divisor: 1}}
	f.Fuzz(func(t *testing.T, codec, reorder byte, config, data []byte) {
		in := []transcoder.Input{transcoder.StartSegment{Track: fuzzTrack(codec, reorder, config), Fresh: true}}
		for _, u := range fuzzUnits(data, 3000) {
			in = append(in, transcoder.WriteUnit{Unit: u})
		}
		survives(t, transcoder.SessionConfig{Ladder: rung}, append(in, transcoder.EndSegment{Drain: true}), ends)
	})
}

// An audit reads what a publisher sent and what an orchestrator made of it: either may mean harm.
func FuzzAudit(f *testing.F) {
	seeds(f, func(v *clip.Video, data []byte) {
		f.Add(byte(v.Track.Codec), byte(v.Track.Reorder), v.Track.Config, data, data)
	})
	f.Fuzz(func(t *testing.T, codec, reorder byte, config, source, rendition []byte) {
		job := &transcoder.AuditJob{Source: fuzzTrack(codec, reorder, config), Rendition: fuzzTrack(codec>>4, 0, nil)}
		var in []transcoder.Input
		for i, u := range fuzzUnits(source, 3000) {
			in = append(in, transcoder.WriteUnit{Unit: u, Prefix: i == 3})
		}
		for _, u := range fuzzUnits(rendition, 3000) {
			in = append(in, transcoder.WriteRendition{Unit: u})
		}
		survives(t, transcoder.SessionConfig{Audit: job}, append(in, transcoder.EndSegment{}), ends)
	})
}

func FuzzStill(f *testing.F) {
	seeds(f, func(v *clip.Video, data []byte) {
		f.Add(byte(v.Track.Codec), v.Track.Config, data, uint16(160), uint16(90))
	})
	f.Fuzz(func(t *testing.T, codec byte, config, data []byte, width, height uint16) {
		job := &transcoder.StillJob{
			From: fuzzTrack(codec, 0, config), Width: int(width%1024) + transcoder.MinDimension, Height: int(height%1024) + transcoder.MinDimension,
		}
		var in []transcoder.Input
		for _, u := range fuzzUnits(data, 3000) {
			in = append(in, transcoder.WriteUnit{Unit: u})
		}
		survives(t, transcoder.SessionConfig{Still: job}, append(in, transcoder.EndSegment{}), never)
	})
}

func FuzzAudio(f *testing.F) {
	sound, err := clip.MakeAudio(f.Context(), 44_100)
	if err != nil {
		f.Fatal(err)
	}
	var packets [][]byte
	for _, u := range sound.Units[:8] {
		packets = append(packets, u.Payload)
	}
	f.Add(false, uint16(44_100), sound.Track.Config, bytes.Join(packets, []byte{0xfe}), int64(1024))
	f.Add(true, uint16(48_000), []byte{}, []byte{0xfc, 0xff, 0xfe, 0xfc, 0x80}, int64(960))
	f.Fuzz(func(t *testing.T, opus bool, rate uint16, config, data []byte, ticks int64) {
		job := &transcoder.AudioJob{From: &media.Track{Codec: media.AAC, ClockRate: int(rate), Channels: 2, Config: config}, Codec: media.Opus, Bitrate: 96_000}
		if opus {
			job.From.Codec, job.Codec = media.Opus, media.AAC
		}
		var in []transcoder.Input
		for _, u := range fuzzUnits(data, ticks%(1<<40)) {
			in = append(in, transcoder.WriteUnit{Unit: u})
		}
		survives(t, transcoder.SessionConfig{Audio: job}, append(in, transcoder.EndSegment{}), finished)
	})
}
