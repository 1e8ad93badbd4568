package rtsp_test

import (
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v4"

	"castnet/broadcaster/playback"
	"castnet/internal/media"
	"castnet/test/clip"
	"castnet/transcoder"
)

// watch has ffmpeg play all tracks of the stream to its end, and returns the time of each packet, by track.
func (r *rig) watch(path string) func() map[int][]time.Duration {
	player := exec.CommandContext(r.Context(), "/usr/bin/ffmpeg", "-v", "error", "-rtsp_transport", "tcp", "-copyts",
		"-i", "rtsp://"+r.address+path, "-map", "0", "-c", "copy", "-f", "framecrc", "-")
	type result struct {
		list []byte
		err  error
	}
	done := make(chan result, 1)
	go func() {
		list, err := player.Output()
		done <- result{list, err}
	}()
	return func() map[int][]time.Duration {
		r.Helper()
		got := <-done
		must(r.T, got.err)
		rates := map[int]float64{}
		packets := map[int][]time.Duration{}
		for line := range strings.Lines(string(got.list)) {
			if base, ok := strings.CutPrefix(line, "#tb "); ok {
				track, rate, _ := strings.Cut(strings.TrimSpace(base), ": 1/")
				n, err := strconv.Atoi(track)
				must(r.T, err)
				rates[n], err = strconv.ParseFloat(rate, 64)
				must(r.T, err)
				continue
			}
			fields := strings.Split(line, ",")
			if strings.HasPrefix(line, "#") || len(fields) < 3 {
				continue
			}
			track, err := strconv.Atoi(fields[0])
			must(r.T, err)
			dts, err := strconv.ParseFloat(strings.TrimSpace(fields[1]), 64)
			must(r.T, err)
			packets[track] = append(packets[track], time.Duration(dts/rates[track]*float64(time.Second)))
		}
		return packets
	}
}

// joined waits until so many play, no more and no fewer.
func (r *rig) joined(players int) {
	r.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for end := time.After(2 * time.Minute); r.hub.Viewers(playback.RTSP) != players; {
		select {
		case <-tick.C:
		case <-end:
			r.Fatalf("%d play, not %d", r.hub.Viewers(playback.RTSP), players)
		}
	}
}

// TestSoundAlone: a stream without pictures is played, all its tracks of sound.
func TestSoundAlone(t *testing.T) {
	r := newRig(t)
	r.hub.AddAudio(0, r.sound.Track)
	r.hub.AddAudio(1, r.sound.Track)
	must(t, r.hub.SetAudioOnly())
	must(t, r.hub.StartSegment(&media.Segment{Track: r.sound.Track}))
	joined := make(chan struct{})
	var publishing sync.WaitGroup
	publishing.Go(func() {
		tick := time.NewTicker(time.Second * 1024 / 48000)
		defer tick.Stop()
		for i, heard := 0, 0; heard < 50; i++ {
			for n := range 2 {
				u := *r.sound.Units[i%len(r.sound.Units)]
				u.PTS, u.DTS = int64(i)*1024, int64(i)*1024
				must(r.T, r.hub.PublishAudio(n, media.AAC, &u))
			}
			<-tick.C
			select {
			case <-joined:
				heard++
			default:
			}
		}
		r.hub.Close(nil)
	})
	watched := r.watch("/demo")
	r.joined(1)
	close(joined)
	publishing.Wait()
	packets := watched()
	if len(packets) != 2 || len(packets[0]) < 30 || len(packets[1]) < 30 {
		t.Errorf("%d tracks, %d and %d packets", len(packets), len(packets[0]), len(packets[1]))
	}
}

// TestPublisherComesBack: players stay while the publisher is gone, and see what it sends when it is back.
func TestPublisherComesBack(t *testing.T) {
	const gone = 2 * time.Second
	r := newRig(t)
	must(t, r.hub.StartSegment(&media.Segment{Track: r.video.Track}))
	must(t, r.hub.PublishSource(r.video.Units[0]))
	must(t, r.hub.SetLadder(nil))
	watched := r.watch("/demo")
	r.joined(1)
	tick := time.NewTicker(time.Second / 30)
	defer tick.Stop()
	const gop = 30
	for i, u := range r.video.Units[1 : 2*gop] { // players begin with the second key picture
		if i+1 == gop {
			must(t, r.hub.StartSegment(&media.Segment{Seq: 1, FirstPTS: u.PTS, DecodeFrom: u.PTS, Track: r.video.Track}))
		}
		<-tick.C
		must(t, r.hub.PublishSource(u))
	}
	<-time.After(gone)
	later := r.video.Track.Ticks(gone)
	for i, u := range r.video.Units[2*gop : 3*gop] {
		moved := *u
		moved.PTS += later
		moved.DTS += later
		if i == 0 {
			must(t, r.hub.StartSegment(&media.Segment{
				Seq: 2, FirstPTS: moved.PTS, DecodeFrom: moved.PTS, Track: r.video.Track, Discontinuity: true,
			}))
		}
		<-tick.C
		must(t, r.hub.PublishSource(&moved))
	}
	r.hub.Close(nil)
	pictures := watched()[0]
	if len(pictures) < 2*gop-5 {
		t.Fatalf("%d pictures", len(pictures))
	}
	holes := 0
	for i, at := range pictures[1:] {
		if at-pictures[i] > gone {
			holes++
		}
	}
	if holes != 1 {
		t.Errorf("%d holes of %v in %v", holes, gone, pictures)
	}
}

// TestRungEnds: who plays a rung that another ladder no longer has is sent away, though the stream and its sound go on.
func TestRungEnds(t *testing.T) {
	r := newRig(t)
	v, err := clip.Make(t.Context(), clip.Spec{Width: 320, Height: 240, FPS: 30, Seconds: 1, GOP: 30})
	must(t, err)
	r.hub.AddAudio(0, r.sound.Track)
	must(t, r.hub.StartSegment(&media.Segment{Track: v.Track}))
	rung := transcoder.Profile{Name: "240p", Codec: media.H264, Width: 320, Height: 240, Bitrate: 300_000, Divisor: 1}
	must(t, r.hub.SetLadder(transcoder.Ladder{rung}))
	grant := r.hub.Admit(0)
	for i, u := range v.Units[:10] {
		must(t, r.hub.PublishSource(u))
		must(t, grant.Publish(0, u))
		must(t, r.hub.PublishAudio(0, media.AAC, r.sound.Units[i]))
	}
	p := r.join(gortsplib.TransportTCP, "/demo/240p")
	p.await(1)
	// So many others are read that there is no room for this one.
	full := transcoder.Ladder{}
	for n := range transcoder.MaxRungs {
		other := rung
		other.Name, other.Bitrate = "other"+strconv.Itoa(n), rung.Bitrate+1000*(n+1)
		full = append(full, other)
	}
	must(t, r.hub.Amend(full))
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	end := time.After(2 * time.Minute)
	for n := 10; r.hub.Viewers(playback.RTSP) > 0; n++ {
		select {
		case <-tick.C:
			u := *r.sound.Units[n%len(r.sound.Units)]
			u.PTS, u.DTS = int64(n)*1024, int64(n)*1024
			must(t, r.hub.PublishAudio(0, media.AAC, &u))
		case <-end:
			t.Fatal("the player is still there")
		}
	}
}
