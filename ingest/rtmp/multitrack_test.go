package rtmp_test

import (
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bluenviron/gortmplib"
	"github.com/bluenviron/gortmplib/pkg/codecs"
	"github.com/bluenviron/gortmplib/pkg/message"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/opus"

	"castnet/ingest"
	"castnet/ingest/ingesttest"
	"castnet/ingest/rtmp"
	"castnet/internal/media"
	"castnet/test/clip"
)

// publish begins to publish the tracks as enhanced RTMP v2 has them.
func publish(t *testing.T, g *ingesttest.Gate, tracks ...codecs.Codec) (*gortmplib.Client, *gortmplib.Writer) {
	t.Helper()
	u, err := url.Parse("rtmp://" + start(t, g, nil) + "/live/demo")
	if err != nil {
		t.Fatal(err)
	}
	client := &gortmplib.Client{URL: u, Publish: true}
	if err := client.Initialize(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	w := &gortmplib.Writer{Conn: client}
	for _, c := range tracks {
		w.Tracks = append(w.Tracks, &gortmplib.Track{Codec: c})
	}
	if err := w.Initialize(); err != nil {
		t.Fatal(err)
	}
	return client, w
}

// TestVideoTracks sends two sizes at once, as OBS does: the larger is the stream, wherever it stands, and the other one a
// further track with the same timestamps. Both are named at once.
func TestVideoTracks(t *testing.T) {
	var sizes [2]*clip.Video
	for i, spec := range []clip.Spec{{Width: 160, Height: 120}, {Width: 320, Height: 240}} {
		spec.FPS, spec.Seconds, spec.GOP = 30, 2, 30
		var err error
		if sizes[i], err = clip.Make(t.Context(), spec); err != nil {
			t.Fatal(err)
		}
	}
	small, large := sizes[0], sizes[1]
	for name, clips := range map[string][]*clip.Video{"first": {large, small}, "last": {small, large}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := ingesttest.NewGate()
			var tracks []codecs.Codec
			for _, c := range clips {
				sets := slices.Collect(media.NALUs(c.Track.Config))
				tracks = append(tracks, &codecs.H264{SPS: sets[0], PPS: sets[1]})
			}
			client, w := publish(t, g, tracks...)
			for i := range large.Units {
				for track, c := range clips {
					at := time.Duration(i) * time.Second / 30
					if err := w.WriteH264(w.Tracks[track], at, at, slices.Collect(media.NALUs(c.Units[i].Payload))); err != nil {
						t.Fatal(err)
					}
				}
			}
			client.Close()
			r := g.Wait(t)
			if n := len(r.Units[media.H264]); n != len(large.Units) || len(r.Tracks) != 2 || r.Tracks[0].Width != 320 || r.Tracks[1].Width != 160 || r.Starts != 1 {
				t.Fatalf("%d pictures of %d, %d tracks, named %d times: %+v", n, len(large.Units), len(r.Tracks), r.Starts, r.Tracks[0])
			}
			if len(r.ByTrack[1]) != len(small.Units) {
				t.Fatalf("%d pictures of %d of the further track", len(r.ByTrack[1]), len(small.Units))
			}
			for i, u := range r.ByTrack[1] {
				if main := r.ByTrack[0][i]; u.PTS != main.PTS || u.Key != main.Key {
					t.Fatalf("picture %d: PTS %d, key %v, of the stream %d, %v", i, u.PTS, u.Key, main.PTS, main.Key)
				}
			}
		})
	}
}

// TestAudioTracks sends more languages than are possible: each of the first arrives whole, beside the pictures.
func TestAudioTracks(t *testing.T) {
	video, err := clip.Make(t.Context(), clip.Spec{Width: 160, Height: 120, FPS: 30, Seconds: 2, GOP: 30})
	if err != nil {
		t.Fatal(err)
	}
	sets := slices.Collect(media.NALUs(video.Track.Config))
	aac := func(channels uint8) codecs.Codec {
		return &codecs.MPEG4Audio{Config: &mpeg4audio.AudioSpecificConfig{Type: mpeg4audio.ObjectTypeAACLC, SampleRate: 48_000, ChannelConfig: channels}}
	}
	g := ingesttest.NewGate()
	client, w := publish(t, g, &codecs.H264{SPS: sets[0], PPS: sets[1]},
		aac(2), aac(1), &codecs.Opus{IDHeader: &opus.IDHeader{Version: 1, ChannelCount: 2}}, aac(6), aac(2))
	frame := slices.Repeat([]byte{0x21}, 100)
	packet := append([]byte{31<<3 | 4}, frame...) // 20 ms, in stereo
	const frames = 60
	for i := range frames {
		at := time.Duration(i) * time.Second / 30
		if err := w.WriteH264(w.Tracks[0], at, at, slices.Collect(media.NALUs(video.Units[i].Payload))); err != nil {
			t.Fatal(err)
		}
		for _, track := range w.Tracks[1:] {
			if _, isOpus := track.Codec.(*codecs.Opus); isOpus {
				err = w.WriteOpus(track, time.Duration(i)*20*time.Millisecond, packet)
			} else {
				err = w.WriteMPEG4Audio(track, time.Duration(i)*1024*time.Second/48_000, frame)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	client.Close()
	r := g.Wait(t)
	if len(r.Tracks) != 5 || r.Starts != 1 {
		t.Fatalf("%d tracks were named %d times", len(r.Tracks), r.Starts)
	}
	var channels []int
	for i, track := range r.Tracks {
		units := r.ByTrack[i]
		if len(units) != frames {
			t.Errorf("track %d (%v): %d units of %d", i, track.Codec, len(units), frames)
		}
		if track.Codec.IsVideo() {
			continue
		}
		channels = append(channels, track.Channels)
		step := int64(1024)
		if track.Codec == media.Opus {
			step = 960
		}
		for n, u := range units[1:] {
			if u.PTS != units[n].PTS+step {
				t.Fatalf("track %d: packet %d at %d, after %d", i, n+1, u.PTS, units[n].PTS)
			}
		}
	}
	if want := []int{2, 1, 2, 6}; !slices.Equal(channels, want) {
		t.Errorf("channels %v, want %v", channels, want)
	}
}

// TestFurtherTracks: a further track in a codec that is not taken is left out, and so is one that is never announced: neither ends
// the publisher nor takes the place of another.
func TestFurtherTracks(t *testing.T) {
	g := ingesttest.NewGate()
	var log lines
	c := dial(t, start(t, g, func(cfg *rtmp.Config) { cfg.Logger = slog.New(slog.NewTextHandler(&log, nil)) }))
	v := small(t, 160, 120)
	c.configure(v)
	frame := slices.Repeat([]byte{0x21}, 100)
	sound := func(track uint8, ms int, codec message.FourCC) {
		c.send(&message.AudioExMultitrack{TrackID: track, Wrapped: &message.AudioExCodedFrames{
			ChunkStreamID: message.AudioChunkStreamID, MessageStreamID: 0x1000000, FourCC: codec, Payload: frame, DTS: time.Duration(ms) * time.Millisecond,
		}})
	}
	announce := func(track uint8, codec message.FourCC) {
		c.send(&message.AudioExMultitrack{TrackID: track, Wrapped: &message.AudioExSequenceStart{
			ChunkStreamID: message.AudioChunkStreamID, MessageStreamID: 0x1000000, FourCC: codec,
			AACConfig: &mpeg4audio.AudioSpecificConfig{Type: mpeg4audio.ObjectTypeAACLC, SampleRate: 48_000, ChannelConfig: 2},
		}})
	}
	for track := range uint8(ingest.MaxSounds) {
		sound(100+track, 0, message.FourCCAC3) // its codec has no header
	}
	announce(5, message.FourCCAC3)
	announce(6, message.FourCCMP3)
	for track := range uint8(ingest.MaxSounds) {
		announce(track, message.FourCCMP4A)
	}
	const frames = 60
	for i := range frames {
		c.picture(i*1000/30, v.Units[i])
		for track := range uint8(ingest.MaxSounds) {
			sound(track, i*1024/48, message.FourCCMP4A)
		}
		sound(5, i*32, message.FourCCAC3)
	}
	c.end()
	r := g.Wait(t)
	if r.Reason != nil || len(r.Tracks) != 1+ingest.MaxSounds {
		t.Fatalf("ended with %v, %d tracks", r.Reason, len(r.Tracks))
	}
	for i := range r.Tracks {
		if n := len(r.ByTrack[i]); n != frames {
			t.Errorf("track %d: %d units of %d", i, n, frames)
		}
	}
	if s := log.String(); strings.Count(s, "left out") != 1 {
		t.Errorf("the log says %q", s)
	}
}

// TestFirstTrack: the only track in a codec that is not taken ends the publisher, in words; so does one that becomes so.
func TestFirstTrack(t *testing.T) {
	for name, kinds := range map[string][]message.FourCC{
		"from the beginning": {message.FourCCAC3}, "later": {message.FourCCMP4A, message.FourCCAC3},
	} {
		t.Run(name, func(t *testing.T) {
			g := ingesttest.NewGate()
			c := dial(t, start(t, g, nil))
			for _, codec := range kinds {
				c.send(&message.AudioExSequenceStart{
					ChunkStreamID: message.AudioChunkStreamID, MessageStreamID: 0x1000000, FourCC: codec,
					AACConfig: &mpeg4audio.AudioSpecificConfig{Type: mpeg4audio.ObjectTypeAACLC, SampleRate: 48_000, ChannelConfig: 2},
				})
			}
			if r := g.Wait(t); ingest.CodeOf(r.Reason) != ingest.CodeUnsupportedCodec {
				t.Errorf("ended with %v", r.Reason)
			}
		})
	}
}
