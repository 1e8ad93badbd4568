// Package audit looks at what was sent and what came back, in the broadcaster's own worker: whether a rendition shows what
// its source shows, and whether a source can be decoded at all. What to think of it is package verify's.
package audit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"golang.org/x/sync/errgroup"

	"castnet/broadcaster/verify"
	"castnet/internal/media"
	"castnet/transcoder"
)

// Segment is what is looked at. Units are shared with whoever else holds them.
type Segment struct {
	// ID names the session in logs.
	ID    string
	Track *media.Track
	// Prefix is the pictures before the segment that decoding has to begin with, if any; Source the segment's.
	Prefix, Source []*media.Unit
	// FirstPTS is the segment's (see media.Segment).
	FirstPTS int64
}

// Rendition is what was made of a segment.
type Rendition struct {
	Codec         media.Codec
	Width, Height int
	Units         []*media.Unit
}

// ErrSource says that the source could not be decoded, so that nothing can be said of the rendition.
var ErrSource = errors.New("the source cannot be decoded")

// Compare decodes a segment and one of its renditions, and judges whether they show the same. An error says nothing about
// the rendition.
func Compare(ctx context.Context, t transcoder.Transcoder, s *Segment, r *Rendition) ([]verify.Failure, error) {
	track := &media.Track{Codec: r.Codec, ClockRate: media.VideoClockRate, Width: r.Width, Height: r.Height}
	session, err := t.Open(ctx, transcoder.SessionConfig{ID: s.ID, Audit: &transcoder.AuditJob{Source: s.Track, Rendition: track}})
	if err != nil {
		return nil, fmt.Errorf("open an audit: %w", err)
	}
	var seen []transcoder.Compared
	err = exchange(ctx, session, interleave(s, r), func(out transcoder.Output) error {
		switch out := out.(type) {
		case transcoder.Compared:
			seen = append(seen, out)
		case transcoder.BadInput:
			return fmt.Errorf("%w: %s", ErrSource, out.Reason)
		case transcoder.SegmentDone:
			return io.EOF
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	slices.SortFunc(seen, func(a, b transcoder.Compared) int { return cmp.Compare(a.PTS, b.PTS) })
	want := make([]int64, len(r.Units))
	for i, u := range r.Units {
		want[i] = u.PTS
	}
	return verify.Audit(fmt.Sprintf("%dx%d", r.Width, r.Height), want, seen), nil
}

// Decodable has our own worker do with a segment what an orchestrator's does, as cheaply as can be, and returns why it
// cannot be decoded, nil where it can. An error says nothing about the segment.
func Decodable(ctx context.Context, t transcoder.Transcoder, s *Segment) (bad *transcoder.BadInput, err error) {
	rung := transcoder.Profile{Name: "check", Codec: media.H264, Width: 64, Height: 64, Bitrate: 50_000, Divisor: 8}
	session, err := t.Open(ctx, transcoder.SessionConfig{ID: s.ID, Ladder: transcoder.Ladder{rung}})
	if err != nil {
		return nil, fmt.Errorf("open a check of the source: %w", err)
	}
	in := []transcoder.Input{transcoder.StartSegment{Track: s.Track, FirstPTS: s.FirstPTS, Fresh: true}}
	in = append(in, source(s)...)
	in = append(in, transcoder.EndSegment{Drain: true})
	err = exchange(ctx, session, in, func(out transcoder.Output) error {
		switch out := out.(type) {
		case transcoder.BadInput:
			bad = &out
			return io.EOF
		case transcoder.SegmentDone:
			return io.EOF
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("check the source: %w", err)
	}
	return bad, nil
}

// exchange sends everything and hands what comes back to each, until it returns io.EOF. It closes the session.
func exchange(ctx context.Context, session transcoder.Session, in []transcoder.Input, each func(transcoder.Output) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		for _, i := range in {
			if err := session.Send(ctx, i); err != nil {
				return err
			}
		}
		return nil
	})
	group.Go(func() error {
		for {
			out, err := session.Recv(ctx)
			if errors.Is(err, io.EOF) {
				return io.ErrUnexpectedEOF // of the session, not of what each waits for
			}
			if err == nil {
				err = each(out)
			}
			if err != nil {
				return err
			}
		}
	})
	err := group.Wait()
	if closed := session.Close(); errors.Is(err, io.EOF) {
		return closed
	}
	return err
}

func source(s *Segment) []transcoder.Input {
	in := make([]transcoder.Input, 0, len(s.Prefix)+len(s.Source))
	for _, u := range s.Prefix {
		in = append(in, transcoder.WriteUnit{Unit: u, Prefix: true})
	}
	for _, u := range s.Source {
		in = append(in, transcoder.WriteUnit{Unit: u})
	}
	return in
}

// interleave sends both evenly, so that a picture and its counterpart are not far from each other.
func interleave(s *Segment, r *Rendition) []transcoder.Input {
	in := make([]transcoder.Input, 0, len(s.Prefix)+len(s.Source)+len(r.Units)+1)
	made := r.Units
	for _, i := range source(s) {
		in = append(in, i)
		w, _ := i.(transcoder.WriteUnit)
		for !w.Prefix && len(made) > 0 && made[0].PTS <= w.Unit.PTS {
			in = append(in, transcoder.WriteRendition{Unit: made[0]})
			made = made[1:]
		}
	}
	for _, u := range made {
		in = append(in, transcoder.WriteRendition{Unit: u})
	}
	return append(in, transcoder.EndSegment{})
}
