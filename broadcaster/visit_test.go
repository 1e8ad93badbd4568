package broadcaster_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/holiman/uint256"
	"github.com/prometheus/client_golang/prometheus"

	"castnet/broadcaster"
	"castnet/broadcaster/market"
	"castnet/broadcaster/playback"
	"castnet/ingest"
	"castnet/internal/identity"
	"castnet/internal/media"
	payments "castnet/probabilistic-payments"
	"castnet/transcoder"
)

// Nobody transcodes here: these are about publishers.
type nobody struct{}

func (nobody) Roster(context.Context) (market.Roster, error) { return market.Roster{}, nil }

func (nobody) Pay(context.Context, *payments.PayRequest) (payments.SignedTicket, error) {
	return payments.SignedTicket{}, errors.New("nothing is paid")
}
func (nobody) Check(context.Context, common.Address, uint64, uint256.Int) error { return nil }
func (nobody) Account() common.Address                                          { return common.Address{} }
func (nobody) Lane() uint64                                                     { return 0 }
func (nobody) Stream(key string) (string, bool)                                 { return key, key != "wrong" }

// run makes a broadcaster that passes streams through, or with rungs leaves them without, and runs it until the test
// ends.
func run(t *testing.T, rungs transcoder.Ladder, change ...func(*broadcaster.Config)) *broadcaster.Broadcaster {
	t.Helper()
	secret, err := crypto.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	metrics, err := playback.NewMetrics(prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	cfg := broadcaster.Config{
		Signer: identity.NewKey(secret), Keys: nobody{}, Network: nobody{}, Payer: nobody{}, Playback: metrics,
		Ladder: func(int, int) transcoder.Ladder { return rungs },
		Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
	}
	for _, c := range change {
		c(&cfg)
	}
	b, err := broadcaster.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- b.Run(ctx) }()
	synctest.Wait() // it is running
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return b
}

var (
	h264 = &media.Track{Codec: media.H264, ClockRate: media.VideoClockRate, Width: 1280, Height: 720, FrameRate: 30}
	aac  = &media.Track{Codec: media.AAC, ClockRate: 48_000, Channels: 2}
)

var errGone = errors.New("the connection was reset")

// publisher pushes a second of pictures and sound at a time, from timestamp 0.
type publisher struct {
	ingest.Sink
	t        *testing.T
	pictures int64
}

func publish(t *testing.T, b *broadcaster.Broadcaster, tracks ...*media.Track) (*publisher, error) {
	t.Helper()
	sink, err := b.Publish(t.Context(), ingest.Request{Protocol: "rtmp", Key: "demo", Remote: "192.0.2.1:1"})
	if err != nil {
		return nil, err
	}
	if err := sink.Start(tracks); err != nil {
		sink.Close(err)
		return nil, err
	}
	return &publisher{Sink: sink, t: t}, nil
}

// second pushes 30 pictures, a key frame first, each with sound; with sound that begins before them.
func (p *publisher) second() {
	p.t.Helper()
	for i := range int64(30) {
		sound := &media.Unit{PTS: p.pictures * 1600, DTS: p.pictures * 1600, Key: true, Capture: time.Now(), Payload: []byte{1}}
		picture := &media.Unit{PTS: 6000 + p.pictures*3000, DTS: p.pictures * 3000, Key: i == 0, Capture: time.Now(), Payload: []byte{2}}
		for track, u := range []*media.Unit{picture, sound} {
			if err := p.Write(track, u); err != nil {
				p.t.Fatal(err)
			}
		}
		p.pictures++
		<-time.After(time.Second / 30)
	}
}

// seen is what a reader read.
type seen struct {
	pts    []time.Duration
	holes  int // segments behind one
	stray  int // units of no segment
	reason error
}

// read reads a rendition to its end.
func read(t *testing.T, r *playback.Rendition) <-chan seen {
	t.Helper()
	done := make(chan seen, 1)
	go func() {
		var s seen
		for reader := r.NewReader(playback.StartOldestKey); ; {
			item, err := reader.Next(t.Context())
			if err != nil {
				s.reason = err
				done <- s
				return
			}
			s.pts = append(s.pts, item.Track.Duration(item.Unit.PTS))
			if item.Segment == nil {
				s.stray++
			} else if item.SegmentStart && item.Segment.Discontinuity {
				s.holes++
			}
		}
	}()
	return done
}

// TestPublisherComesBack: its stream goes on for those who watch, with the time that passed in between.
func TestPublisherComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := run(t, nil)
		first, err := publish(t, b, h264, aac)
		if err != nil {
			t.Fatal(err)
		}
		first.second()
		stream, _ := b.Stream("demo")
		pictures, sound := read(t, stream.Hub().Source()), read(t, stream.Hub().Audio(0, media.AAC))
		if _, err := publish(t, b, h264); !errors.Is(err, ingest.ErrKeyInUse) {
			t.Fatalf("a second publisher: %v", err)
		}
		first.Close(errGone)
		if st := stream.Status(); st.State != broadcaster.Waiting {
			t.Fatalf("without a publisher the stream is %q", st.State)
		}
		<-time.After(7 * time.Second)

		larger := *h264
		larger.Width, larger.Height, larger.Config = 1920, 1080, []byte{0, 0, 0, 1, 7}
		second, err := publish(t, b, &larger, aac)
		if err != nil {
			t.Fatal(err)
		}
		if again, _ := b.Stream("demo"); again != stream || stream.Status().State != broadcaster.Live {
			t.Fatal("the stream did not go on")
		}
		second.second()
		second.Close(nil)

		saw := <-pictures
		if !errors.Is(saw.reason, io.EOF) || len(saw.pts) != 60 || saw.holes != 1 {
			t.Fatalf("read %d pictures, %d holes, end %v; want 60, 1, EOF", len(saw.pts), saw.holes, saw.reason)
		}
		if gap := saw.pts[30] - saw.pts[29]; gap < 6900*time.Millisecond || gap > 7200*time.Millisecond {
			t.Errorf("after 7 s the pictures go on %v later", gap)
		}
		heard := <-sound
		for i := 1; i < len(heard.pts); i++ {
			if heard.pts[i] <= heard.pts[i-1] {
				t.Fatalf("sound at %v after %v", heard.pts[i], heard.pts[i-1])
			}
		}
		// What sounds long before the first picture that is back has nothing beside it.
		if n := len(heard.pts); n < 56 || n > 60 || heard.pts[30] < saw.pts[30]-100*time.Millisecond || heard.holes != 1 {
			t.Errorf("%d packets of sound, %d holes; back at %v with pictures at %v", n, heard.holes, heard.pts[30], saw.pts[30])
		}
		<-time.After(time.Minute)
	})
}

// TestSoundComesAhead: sound that arrives before the pictures that it belongs beside is heard with them, of a publisher that
// comes back as well. What has no pictures beside it is not, nor what waited with other parameters.
func TestSoundComesAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := run(t, nil)
		var heard, saw <-chan seen
		for visit := range 2 {
			p, err := publish(t, b, h264, aac)
			if err != nil {
				t.Fatal(err)
			}
			if stream, _ := b.Stream("demo"); visit == 0 {
				heard, saw = read(t, stream.Hub().Audio(0, media.AAC)), read(t, stream.Hub().Source())
			}
			write := func(track int, pts int64, key bool) {
				if err := p.Write(track, &media.Unit{PTS: pts, DTS: pts, Key: key, Capture: time.Now(), Payload: []byte{1}}); err != nil {
					t.Fatal(err)
				}
			}
			write(1, 0, true)
			changed := *aac
			changed.Channels = 1
			if err := p.Start([]*media.Track{h264, &changed}); err != nil {
				t.Fatal(err)
			}
			const packet = 1024
			for at := int64(-4 * 48_000); at < 48_000/2; at += packet { // from 4 s before the pictures on
				write(1, at, true)
			}
			for i := range int64(30) {
				write(0, i*3000, i == 0)
			}
			if visit == 1 {
				p.Close(nil)
				continue
			}
			p.Close(errGone)
			<-time.After(time.Second)
		}
		sounds, pictures := <-heard, <-saw
		if len(pictures.pts) != 60 || sounds.stray > 0 || sounds.holes != 1 {
			t.Fatalf("%d pictures, %d packets of no segment, %d of them behind a hole", len(pictures.pts), sounds.stray, sounds.holes)
		}
		const each = 24 + 4 // packets in half a second, and in the tenth before it
		if n := len(sounds.pts); n != 2*each {
			t.Fatalf("%d packets were heard, want %d of each visit", n, each)
		}
		for visit := range 2 {
			first := pictures.pts[30*visit]
			if from, to := sounds.pts[each*visit]-first, sounds.pts[each*visit+each-1]-first; from < -100*time.Millisecond || to < 450*time.Millisecond {
				t.Errorf("visit %d: sound from %v to %v of the first picture", visit, from, to)
			}
		}
	})
}

// TestSourceEndsFirst: who watches the source need not wait for renditions of the last pictures, nor who hears the sound.
func TestSourceEndsFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := run(t, transcoder.Ladder{{Name: "360p", Codec: media.H264, Width: 640, Height: 360, Bitrate: 500_000, Divisor: 1}})
		p, err := publish(t, b, h264, aac)
		if err != nil {
			t.Fatal(err)
		}
		hub, _ := b.Hub("demo")
		pictures, sound, rung := read(t, hub.Source()), read(t, hub.Audio(0, media.AAC)), read(t, hub.Rendition("360p"))
		p.second()
		p.Close(nil)
		synctest.Wait()
		for name, of := range map[string]<-chan seen{"pictures": pictures, "sound": sound} {
			select {
			case saw := <-of:
				if !errors.Is(saw.reason, io.EOF) || len(saw.pts) != 30 {
					t.Errorf("%s: %d units, end %v", name, len(saw.pts), saw.reason)
				}
			default:
				t.Errorf("%s: the end is not told", name)
			}
		}
		select {
		case <-rung:
			t.Error("the rung ended before anybody could make the last of it")
		case <-hub.Done():
			t.Error("the stream ended without waiting for its renditions")
		default:
		}
		if saw := <-rung; !errors.Is(saw.reason, io.EOF) {
			t.Errorf("the rung ended with %v", saw.reason)
		}
	})
}

// TestPublisherStaysAway: the stream ends, and the next publisher with its key begins another.
func TestPublisherStaysAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := run(t, nil)
		p, err := publish(t, b, h264, aac)
		if err != nil {
			t.Fatal(err)
		}
		p.second()
		stream, _ := b.Stream("demo")
		p.Close(fmt.Errorf("it vanished (%w)", &net.OpError{
			Op: "read", Net: "tcp", Source: &net.TCPAddr{Port: 1935}, Addr: &net.TCPAddr{IP: net.IPv4(203, 0, 113, 7), Port: 5566}, Err: errGone,
		}))
		<-time.After(9 * time.Second)
		if st := stream.Status(); st.State != broadcaster.Waiting {
			t.Errorf("after 9 s the stream is %q", st.State)
		}
		<-time.After(2 * time.Second)
		if st := stream.Status(); st.State != broadcaster.Ended || st.EndReason != "the publisher is gone (it vanished ("+errGone.Error()+"))" {
			t.Errorf("after 11 s the stream is %q (%s)", st.State, st.EndReason)
		}
		p, err = publish(t, b, h264, aac)
		if err != nil {
			t.Fatal(err)
		}
		if again, _ := b.Stream("demo"); again == stream {
			t.Error("the old stream goes on after its end")
		}
		p.Close(nil)
	})
}

// TestSilentPublisher: one that comes takes the place of one with the same key of which nothing has come for a while, and goes on
// with its stream, whatever the shape of the ladder; not of one that sends, nor of one who is silent between segments.
func TestSilentPublisher(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := run(t, transcoder.Ladder{{Name: "360p", Codec: media.H264, Width: 480, Height: 360, Bitrate: 500_000, Divisor: 1}})
		first, err := publish(t, b, h264, aac)
		if err != nil {
			t.Fatal(err)
		}
		stream, _ := b.Stream("demo")
		pictures := read(t, stream.Hub().Source())
		for range 5 {
			first.second()
			if _, err := publish(t, b, h264, aac); !errors.Is(err, ingest.ErrKeyInUse) {
				t.Fatalf("beside one who sends: %v", err)
			}
		}
		<-time.After(6 * time.Second)
		second, err := publish(t, b, h264, aac)
		if err != nil {
			t.Fatalf("in the place of one who is silent: %v", err)
		}
		<-time.After(6 * time.Second)
		if _, err := publish(t, b, h264, aac); !errors.Is(err, ingest.ErrKeyInUse) {
			t.Fatalf("beside one who has come and not begun: %v", err)
		}
		second.second()
		if err := first.Write(0, &media.Unit{Key: true, Payload: []byte{1}}); ingest.CodeOf(err) != ingest.CodeKeyInUse {
			t.Errorf("the first one writes on: %v", err)
		}
		first.Close(errGone)
		if now, _ := b.Stream("demo"); now != stream || stream.Status().State != broadcaster.Live {
			t.Errorf("the stream is %q, the same: %v", stream.Status().State, now == stream)
		}
		second.Close(nil)
		if saw := <-pictures; len(saw.pts) != 180 || saw.holes != 1 || !errors.Is(saw.reason, io.EOF) {
			t.Errorf("%d pictures, %d holes, %v; want 180, 1, EOF", len(saw.pts), saw.holes, saw.reason)
		}

		if _, err := b.Publish(t.Context(), ingest.Request{Protocol: "http", Key: "other", Remote: "192.0.2.1:1", Bursts: true}); err != nil {
			t.Fatal(err)
		}
		<-time.After(8 * time.Second)
		if _, err := b.Publish(t.Context(), ingest.Request{Protocol: "rtmp", Key: "other", Remote: "192.0.2.1:1"}); !errors.Is(err, ingest.ErrKeyInUse) {
			t.Errorf("between segments: %v", err)
		}
	})
}

// TestPublisherComesBackAsAnother: what viewers and the ladder cannot go on with is refused, and does not put the end off.
func TestPublisherComesBackAsAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := run(t, transcoder.Ladder{{Name: "360p", Codec: media.H264, Width: 640, Height: 360, Bitrate: 500_000, Divisor: 1}})
		p, err := publish(t, b, h264, aac)
		if err != nil {
			t.Fatal(err)
		}
		p.second()
		stream, _ := b.Stream("demo")
		p.Close(errGone)

		hevc, upright, opus := *h264, *h264, *aac
		hevc.Codec, opus.Codec = media.HEVC, media.Opus
		upright.Width, upright.Height = 720, 1280
		for _, tracks := range [][]*media.Track{{&hevc, aac}, {&upright, aac}, {h264, &opus}} {
			<-time.After(3 * time.Second)
			_, err := publish(t, b, tracks...)
			var refusal *ingest.Refusal
			if !errors.As(err, &refusal) || refusal.Asked == "" || refusal.Limit == "" || refusal.Knob == "" {
				t.Errorf("%v with %v: %v", tracks[0].Codec, tracks[1].Codec, err)
			}
		}
		if state := stream.Status().State; state != broadcaster.Waiting {
			t.Errorf("after 9 s of refusals the stream is %q", state)
		}
		<-time.After(2 * time.Second)
		select {
		case <-stream.Hub().Done():
			t.Error("the stream ended without waiting for its renditions")
		default: // nobody transcodes the tail: it is given up later
		}
		<-time.After(20 * time.Second)
		if state := stream.Status().State; state != broadcaster.Ended {
			t.Errorf("the stream is %q", state)
		}
	})
}

// TestRefusedPublisherComesBack: who was sent away for what it sent may go on with something better.
func TestRefusedPublisherComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := run(t, nil)
		p, err := publish(t, b, h264, aac)
		if err != nil {
			t.Fatal(err)
		}
		p.second()
		err = p.Write(0, &media.Unit{PTS: 20 * media.VideoClockRate, DTS: 20 * media.VideoClockRate, Capture: time.Now(), Payload: []byte{2}})
		if ingest.CodeOf(err) != ingest.CodeNoKeyFrame {
			t.Fatalf("19 s without a key frame: %v", err)
		}
		stream, _ := b.Stream("demo")
		pictures := read(t, stream.Hub().Source())
		p.Close(err)
		if p, err = publish(t, b, h264, aac); err != nil {
			t.Fatal(err)
		}
		p.second()
		p.Close(nil)
		if saw := <-pictures; !errors.Is(saw.reason, io.EOF) || len(saw.pts) != 60 {
			t.Errorf("read %d pictures, end %v", len(saw.pts), saw.reason)
		}
	})
}

// TestTooManyPublishers: the limits in all and per address name their knobs; one that leaves makes room.
func TestTooManyPublishers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := run(t, nil, func(c *broadcaster.Config) { c.MaxPublishers, c.MaxPublishersPerAddress = 3, 2 })
		ask := func(key, remote string) (ingest.Sink, error) {
			return b.Publish(t.Context(), ingest.Request{Protocol: "rtmp", Key: key, Remote: remote})
		}
		first, err := ask("a", "192.0.2.1:1")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ask("b", "192.0.2.1:2"); err != nil {
			t.Fatal(err)
		}
		knob := func(err error) string {
			var r *ingest.Refusal
			if !errors.As(err, &r) || r.Code != ingest.CodeLimit {
				t.Errorf("beyond a limit: %v", err)
				return ""
			}
			return r.Knob
		}
		if _, err := ask("c", "192.0.2.1:3"); knob(err) != "--max-publishers-per-address" {
			t.Errorf("a third from one address: %v", err)
		}
		if _, err := ask("c", "[2001:db8::1]:3"); err != nil {
			t.Error(err)
		}
		if _, err := ask("d", "192.0.2.4:3"); knob(err) != "--max-publishers" {
			t.Errorf("a fourth: %v", err)
		}
		first.Close(nil)
		if _, err := ask("d", "192.0.2.1:3"); err != nil {
			t.Errorf("after one has left: %v", err)
		}
	})
}

// TestInputMetrics: what a live publisher sends stands in the metrics, by its stream, and its drift and drops; an ended
// stream's does not.
func TestInputMetrics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		registry := prometheus.NewRegistry()
		b := run(t, nil, func(c *broadcaster.Config) { c.Registerer = registry })
		p, err := publish(t, b, h264, aac)
		if err != nil {
			t.Fatal(err)
		}
		for range 6 {
			p.second()
			p.pictures += 6 // are left out
		}
		found := gauges(t, registry)
		for name, holds := range map[string]func(float64) bool{
			"fps":                  func(v float64) bool { return v > 20 && v < 30 },
			"bits_per_second":      func(v float64) bool { return v > 100 },
			"key_interval_seconds": func(v float64) bool { return v == 1.2 },
			"b_frames":             func(v float64) bool { return v == 0 },
			// 30 of 36 pictures come in a second: the stream runs ahead of the clock by a fifth.
			"drift_seconds":    func(v float64) bool { return v < 0 },
			"missing_pictures": func(v float64) bool { return v >= 24 && v <= 30 },
			"pictures":         func(v float64) bool { return v == 180 },
		} {
			if v, ok := found[name]; !ok || !holds(v) {
				t.Errorf("%s is %v (there: %v)", name, v, ok)
			}
		}
		p.Close(nil)
		synctest.Wait()
		if left := gauges(t, registry); len(left) > 0 {
			t.Errorf("after the end: %v", left)
		}
	})
}

// gauges are the input metrics of the stream demo.
func gauges(t *testing.T, registry *prometheus.Registry) map[string]float64 {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	found := make(map[string]float64)
	for _, f := range families {
		name, ok := strings.CutPrefix(f.GetName(), "castnet_broadcaster_input_")
		if !ok {
			continue
		}
		for _, m := range f.GetMetric() {
			if m.GetLabel()[len(m.GetLabel())-1].GetValue() != "demo" {
				t.Errorf("%s has labels %v", name, m.GetLabel())
			}
			found[name] = m.GetGauge().GetValue()
		}
	}
	return found
}
