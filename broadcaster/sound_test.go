package broadcaster_test

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"castnet/broadcaster"
	"castnet/broadcaster/playback"
	"castnet/ingest"
	"castnet/internal/media"
	"castnet/transcoder"
)

// ladderless fails a test in which a ladder is asked for.
func ladderless(t *testing.T) func(*broadcaster.Config) {
	t.Helper()
	return func(c *broadcaster.Config) {
		c.Ladder = func(int, int) transcoder.Ladder {
			t.Error("a ladder was asked for")
			return nil
		}
	}
}

// packets pushes seconds of AAC, 1024 samples a packet, from timestamp 0, to each of the tracks.
func (p *publisher) packets(seconds, tracks int) {
	p.t.Helper()
	for i := range seconds * 48_000 / 1024 {
		at := int64(i) * 1024
		for track := range tracks {
			u := &media.Unit{PTS: at, DTS: at, Key: true, Capture: time.Now(), Payload: []byte{byte(track)}}
			if err := p.Write(track, u); err != nil {
				p.t.Fatal(err)
			}
		}
		<-time.After(1024 * time.Second / 48_000)
	}
}

// TestSoundAlone: a stream without pictures is cut by time, costs nobody a lease, and goes on with a publisher that comes
// back.
func TestSoundAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := run(t, nil, ladderless(t))
		commentary := *aac
		commentary.Language = "de"
		p, err := publish(t, b, aac, &commentary)
		if err != nil {
			t.Fatal(err)
		}
		stream, _ := b.Stream("demo")
		hub := stream.Hub()
		<-hub.Ready()
		if !hub.AudioOnly() || hub.AudioTracks() != 2 || len(hub.Renditions()) != 0 || hub.Source().Track() != nil {
			t.Fatalf("audio only: %v, %d tracks, source %v", hub.AudioOnly(), hub.AudioTracks(), hub.Source().Track())
		}
		if second := hub.Audio(1, media.AAC); second.Name() != "aac2" || second.Track().Language != "de" {
			t.Errorf("the second track is %q in %q", second.Name(), second.Track().Language)
		}
		first, second, pictures := read(t, hub.Audio(0, media.AAC)), read(t, hub.Audio(1, media.AAC)), read(t, hub.Source())
		segments := starts(t, hub.Audio(0, media.AAC))
		p.packets(10, 2)
		if epoch := hub.Epoch(); epoch.IsZero() || time.Since(epoch) < 9*time.Second || time.Since(epoch) > 11*time.Second {
			t.Errorf("after 10 s the timeline began %v ago", time.Since(epoch))
		}
		if st := stream.Status(); st.State != broadcaster.Live || st.Video != nil || len(st.Sounds) != 2 || st.Input.Bitrate == 0 || st.Input.KeyInterval != 0 {
			t.Errorf("status %+v", st)
		}
		p.Close(errGone)
		if _, err := publish(t, b, h264, aac); ingest.CodeOf(err) != ingest.CodeUnsupportedCodec {
			t.Errorf("a publisher with pictures: %v", err)
		}
		<-time.After(3 * time.Second)
		if p, err = publish(t, b, aac, &commentary); err != nil {
			t.Fatal(err)
		}
		p.packets(4, 2)
		p.Close(nil)

		const total = 10*48_000/1024 + 4*48_000/1024
		for n, track := range []<-chan seen{first, second} {
			saw := <-track
			if !errors.Is(saw.reason, io.EOF) || len(saw.pts) != total || saw.holes != 1 {
				t.Errorf("track %d: %d packets, %d holes, end %v; want %d, 1, EOF", n, len(saw.pts), saw.holes, saw.reason, total)
			}
		}
		if saw := <-pictures; !errors.Is(saw.reason, io.EOF) || len(saw.pts) != 0 {
			t.Errorf("%d pictures, end %v", len(saw.pts), saw.reason)
		}
		cuts := <-segments
		if len(cuts) != 7 {
			t.Errorf("cut at %v", cuts)
		}
		for i, at := range cuts[:5] {
			if off := at - time.Duration(i)*2*time.Second; off < 0 || off > 100*time.Millisecond {
				t.Errorf("segment %d begins at %v", i, at)
			}
		}
	})
}

// starts are the moments at which the segments of a rendition begin.
func starts(t *testing.T, r *playback.Rendition) <-chan []time.Duration {
	t.Helper()
	done := make(chan []time.Duration, 1)
	go func() {
		var at []time.Duration
		for reader := r.NewReader(playback.StartOldestKey); ; {
			item, err := reader.Next(t.Context())
			if err != nil {
				done <- at
				return
			}
			if item.SegmentStart {
				at = append(at, item.Track.Duration(item.Unit.PTS))
			}
		}
	}()
	return done
}

// TestPicturesAfterSoundAlone: players of a stream of sound cannot be given pictures. It ends, and the next attempt of the
// publisher begins a stream with both.
func TestPicturesAfterSoundAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := run(t, nil)
		p, err := publish(t, b, aac)
		if err != nil {
			t.Fatal(err)
		}
		p.packets(1, 1)
		err = p.Start([]*media.Track{aac, h264})
		if ingest.CodeOf(err) != ingest.CodeUnsupportedCodec {
			t.Fatalf("pictures came, and the publisher was told %v", err)
		}
		old, _ := b.Stream("demo")
		p.Close(err)
		if p, err = publish(t, b, h264, aac); err != nil {
			t.Fatal(err)
		}
		p.second()
		stream, _ := b.Stream("demo")
		if stream == old || stream.Hub().AudioOnly() {
			t.Error("the stream of sound goes on")
		}
		p.Close(nil)
	})
}

// TestPicturesAlone: a stream without sound is a stream.
func TestPicturesAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := run(t, nil)
		p, err := publish(t, b, h264)
		if err != nil {
			t.Fatal(err)
		}
		stream, _ := b.Stream("demo")
		hub := stream.Hub()
		if hub.AudioOnly() || hub.AudioTracks() != 0 {
			t.Errorf("audio only: %v, %d tracks of sound", hub.AudioOnly(), hub.AudioTracks())
		}
		pictures := read(t, hub.Source())
		for i := range int64(60) {
			if err := p.Write(0, &media.Unit{PTS: i * 3000, DTS: i * 3000, Key: i == 0, Capture: time.Now(), Payload: []byte{2}}); err != nil {
				t.Fatal(err)
			}
		}
		p.Close(nil)
		if saw := <-pictures; len(saw.pts) != 60 {
			t.Errorf("%d pictures", len(saw.pts))
		}
	})
}

// TestSampleRateOfSoundAlone: the times of a stream of sound are in ticks of its rate. One that changes while it is live ends it,
// and the next attempt begins anew; a publisher that comes back with another one is told to wait.
func TestSampleRateOfSoundAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := run(t, nil)
		p, err := publish(t, b, aac)
		if err != nil {
			t.Fatal(err)
		}
		p.packets(1, 1)
		old, _ := b.Stream("demo")
		slower := *aac
		slower.ClockRate = 44_100
		p.Close(errGone)
		told := func(err error) {
			t.Helper()
			var refusal *ingest.Refusal
			if !errors.As(err, &refusal) || !strings.Contains(refusal.Message, "sample rate") || refusal.Asked != "44100 Hz" || refusal.Limit != "48000 Hz" {
				t.Errorf("the publisher was told %v", err)
			}
		}
		_, err = publish(t, b, &slower)
		told(err)
		if p, err = publish(t, b, aac); err != nil {
			t.Fatal(err)
		}
		p.packets(1, 1)
		if again, _ := b.Stream("demo"); again != old {
			t.Error("the stream does not go on at its own rate")
		}
		err = p.Start([]*media.Track{&slower})
		told(err)
		p.Close(err)
		if p, err = publish(t, b, &slower); err != nil {
			t.Fatal(err)
		}
		p.packets(1, 1)
		if stream, _ := b.Stream("demo"); stream == old || stream.Hub().Audio(0, media.AAC).Track().ClockRate != 44_100 {
			t.Error("the stream at the old rate goes on")
		}
		p.Close(nil)
	})
}

// TestCodecOfSoundAlone: who changes the codec of a stream of sound is told, and the next attempt begins anew.
func TestCodecOfSoundAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := run(t, nil)
		p, err := publish(t, b, aac)
		if err != nil {
			t.Fatal(err)
		}
		p.packets(1, 1)
		opus := &media.Track{Codec: media.Opus, ClockRate: 48_000, Channels: 2}
		err = p.Start([]*media.Track{opus})
		var refusal *ingest.Refusal
		if !errors.As(err, &refusal) || refusal.Asked != "Opus" || refusal.Limit != "AAC" {
			t.Fatalf("the publisher was told %v", err)
		}
		p.Close(err)
		if p, err = publish(t, b, opus); err != nil {
			t.Fatal(err)
		}
		p.packets(1, 1)
		if stream, _ := b.Stream("demo"); stream.Hub().Audio(0, media.Opus) == nil || stream.Hub().Audio(0, media.AAC) != nil {
			t.Error("the stream of AAC goes on")
		}
		p.Close(nil)
	})
}
