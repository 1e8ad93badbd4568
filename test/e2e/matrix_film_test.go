package e2e_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/formats/mpegts"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mpegts/codecs"

	"castnet/broadcaster/restream"
	"castnet/internal/media"
)

// sample is one picture or one packet of sound of a film.
type sample struct {
	track int // 0: the pictures, 1: the sound
	unit  media.Unit
}

// demux reads a film of H264 and Opus for the publishers that are written in Go: its tracks, and its samples in decoding
// order, on the tracks' clocks.
func demux(ctx context.Context, file string) ([]*media.Track, []sample, error) {
	ts, err := exec.CommandContext(ctx, system, "-v", "error", "-i", file, "-c", "copy", "-f", "mpegts", "pipe:1").Output()
	if err != nil {
		return nil, nil, fmt.Errorf("ffmpeg: %w", err)
	}
	r := &mpegts.Reader{R: bytes.NewReader(ts)}
	if err := r.Initialize(); err != nil {
		return nil, nil, err
	}
	video := &media.Track{Codec: media.H264, ClockRate: media.VideoClockRate, Width: matrixFilm.Width, Height: matrixFilm.Height}
	sound := &media.Track{Codec: media.Opus, ClockRate: 48_000, Channels: 2}
	var all []sample
	for _, t := range r.Tracks() {
		switch t.Codec.(type) {
		case *codecs.H264:
			r.OnDataH264(t, func(pts, dts int64, au [][]byte) error {
				u := media.Unit{PTS: pts, DTS: dts}
				for _, nalu := range au {
					start := len(u.Payload)
					u.Payload = append(append(u.Payload, 0, 0, 0, 1), nalu...)
					if kind := nalu[0] & 31; video.Config == nil && kind == 7 || !u.Key && kind == 8 {
						video.Config = append(video.Config, u.Payload[start:]...) // the parameter sets before the first key picture
					}
					u.Key = u.Key || nalu[0]&31 == 5
				}
				all = append(all, sample{0, u})
				return nil
			})
		case *codecs.Opus:
			r.OnDataOpus(t, func(pts int64, packets [][]byte) error {
				for i, packet := range packets {
					at := media.Rescale(pts, media.VideoClockRate, 48_000) + int64(i)*960 // ffmpeg's packets have 20 ms
					all = append(all, sample{1, media.Unit{PTS: at, DTS: at, Key: true, Payload: packet}})
				}
				return nil
			})
		}
	}
	for err == nil {
		err = r.Read()
	}
	if !errors.Is(err, io.EOF) || len(all) == 0 || video.Config == nil {
		return nil, nil, fmt.Errorf("a film of %d samples: %w", len(all), err)
	}
	tracks := []*media.Track{video, sound}
	slices.SortStableFunc(all, func(a, b sample) int { return int(when(tracks, a) - when(tracks, b)) })
	return tracks, all, nil
}

// when is a sample's decoding time.
func when(tracks []*media.Track, s sample) time.Duration {
	return tracks[s.track].Duration(s.unit.DTS)
}

// inTime hands a film's samples on in real time.
func inTime(ctx context.Context, tracks []*media.Track, all []sample, write func(sample) error) error {
	began := time.Now()
	for _, s := range all {
		select {
		case <-time.After(when(tracks, s) - when(tracks, all[0]) - time.Since(began)):
		case <-ctx.Done():
			return ctx.Err()
		}
		if err := write(s); err != nil {
			return err
		}
	}
	return nil
}

// rtmpOpus publishes by enhanced RTMP as we do it ourselves: no ffmpeg before 8 writes Opus into FLV.
func rtmpOpus(ctx context.Context, m *matrix, key, file string) error {
	tracks, all, err := demux(ctx, file)
	if err != nil {
		return err
	}
	p, err := restream.Dial(ctx, m.RTMP+key, tracks)
	if err != nil {
		return err
	}
	if err := inTime(ctx, tracks, all, func(s sample) error { return p.Write(s.track, &s.unit) }); err != nil {
		p.Abort()
		return err
	}
	return p.Close()
}
