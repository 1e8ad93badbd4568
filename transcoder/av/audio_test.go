package av_test

import (
	"bytes"
	"encoding/binary"
	"os/exec"
	"slices"
	"testing"
	"time"

	"castnet/internal/media"
	"castnet/test/clip"
	"castnet/transcoder"
	"castnet/transcoder/av"
)

// convert sends units and their end, and receives all that is made of them: to the end of the last one.
func convert(t *testing.T, job *transcoder.AudioJob, units []*media.Unit) (out []*media.Unit, bad []transcoder.BadInput) {
	t.Helper()
	s, err := av.Open(t.Context(), transcoder.SessionConfig{Audio: job})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	sent := make(chan error, 1)
	go func() {
		for _, u := range units {
			if err := s.Send(t.Context(), transcoder.WriteUnit{Unit: u}); err != nil {
				sent <- err
				return
			}
		}
		sent <- s.Send(t.Context(), transcoder.EndSegment{})
	}()
	for done := false; !done; {
		o, err := s.Recv(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		switch o := o.(type) {
		case transcoder.Rendered:
			out = append(out, o.Unit)
		case transcoder.BadInput:
			bad = append(bad, o)
		case transcoder.SegmentDone:
			done = true
		}
	}
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
	const frame = 20 * time.Millisecond // of either codec, at least
	end := seconds(job.From, units[len(units)-1].PTS) + frame
	if got := seconds(job.Track(), out[len(out)-1].PTS) + frame; got < end-5*time.Millisecond {
		t.Fatalf("the sound ends at %v, of what went in at %v", got, end)
	}
	return out, bad
}

func seconds(tr *media.Track, ticks int64) time.Duration { return tr.Duration(ticks) }

// steady checks that packets follow each other without a gap, of the codec's length.
func steady(t *testing.T, units []*media.Unit, length int64) {
	t.Helper()
	for i, u := range units[1:] {
		if got := u.PTS - units[i].PTS; got != length {
			t.Fatalf("packet %d lasts %d samples, want %d", i, got, length)
		}
	}
}

// AAC of either rate becomes Opus and back: gapless, on the source's timeline.
func TestAudio(t *testing.T) {
	for _, rate := range []int{44_100, 48_000} {
		a, err := clip.MakeAudio(t.Context(), rate)
		if err != nil {
			t.Fatal(err)
		}
		const start = 1_000_000 // ticks: timelines don't begin at 0
		source := shift(a.Units, start)
		toOpus := &transcoder.AudioJob{From: a.Track, Codec: media.Opus, Bitrate: 96_000}
		opus, bad := convert(t, toOpus, source)
		steady(t, opus, 960) // 20 ms
		if len(bad) > 0 {
			t.Errorf("%+v", bad)
		}
		if off := seconds(toOpus.Track(), opus[0].PTS) - seconds(a.Track, start); off < -20*time.Millisecond || off > 0 {
			t.Errorf("%d Hz: Opus begins %v off", rate, off)
		}
		toAAC := &transcoder.AudioJob{From: toOpus.Track(), Codec: media.AAC, Bitrate: 128_000}
		aac, _ := convert(t, toAAC, opus)
		steady(t, aac, 1024)
		// The result decodes with the configuration that the job names.
		again, bad := convert(t, &transcoder.AudioJob{From: toAAC.Track(), Codec: media.Opus, Bitrate: 96_000}, aac)
		if len(again) == 0 || len(bad) > 0 {
			t.Errorf("%d packets, %+v", len(again), bad)
		}
	}
}

func shift(units []*media.Unit, by int64) []*media.Unit {
	out := make([]*media.Unit, len(units))
	for i, u := range units {
		c := *u
		c.PTS += by
		c.DTS += by
		out[i] = &c
	}
	return out
}

// Timestamps rule: jitter is smoothed, loss becomes silence, a jump is followed and flagged, broken packets are named.
func TestAudioTimeline(t *testing.T) {
	a, err := clip.MakeAudio(t.Context(), 48_000)
	if err != nil {
		t.Fatal(err)
	}
	job := &transcoder.AudioJob{From: a.Track, Codec: media.Opus, Bitrate: 96_000}
	source := shift(a.Units[:300], 96_000)
	for i, u := range source {
		u.PTS += int64(i%3-1) * 48 // ±1 ms, as RTMP rounds
	}
	t.Run("loss", func(t *testing.T) {
		opus, _ := convert(t, job, slices.Delete(slices.Clone(source), 100, 120))
		steady(t, opus, 960)
	})
	t.Run("jump", func(t *testing.T) {
		jump := slices.Concat(source[:100], shift(source[100:], 10*48_000))
		opus, _ := convert(t, job, jump)
		i := slices.IndexFunc(opus, func(u *media.Unit) bool { return u.Discontinuity })
		if i < 0 {
			t.Fatal("no discontinuity")
		}
		steady(t, opus[:i], 960)
		steady(t, opus[i:], 960)
		if off := seconds(job.Track(), opus[i].PTS-jump[100].PTS); off < -20*time.Millisecond || off > 20*time.Millisecond {
			t.Errorf("%v off after the jump", off)
		}
	})
	t.Run("garbage", func(t *testing.T) {
		broken := slices.Clone(source)
		broken[50] = &media.Unit{PTS: source[50].PTS, Payload: []byte{0xff, 0xff, 0xff, 0xff}}
		opus, bad := convert(t, job, broken)
		steady(t, opus, 960)
		if len(bad) != 1 || bad[0].PTS != source[50].PTS {
			t.Errorf("%+v", bad)
		}
	})
}

// Sound stays where it was: a beep at 1 s is at 1 s after AAC became Opus, and after that became AAC again.
func TestAudioStaysInTime(t *testing.T) {
	a, err := clip.MakeBeep(t.Context(), time.Second)
	if err != nil {
		t.Fatal(err)
	}
	toOpus := &transcoder.AudioJob{From: a.Track, Codec: media.Opus, Bitrate: 96_000}
	opus, _ := convert(t, toOpus, a.Units)
	toAAC := &transcoder.AudioJob{From: toOpus.Track(), Codec: media.AAC, Bitrate: 128_000}
	aac, _ := convert(t, toAAC, opus)
	before, after := beep(t, a.Units), beep(t, aac)
	if off := after - before; off < -20*time.Millisecond || off > 20*time.Millisecond {
		t.Errorf("the beep is at %v, was at %v", after, before)
	}
}

// beep is when sound begins in AAC units (48 kHz stereo), by an independent decoder and the first unit's timestamp.
func beep(t *testing.T, units []*media.Unit) time.Duration {
	t.Helper()
	var adts bytes.Buffer
	for _, u := range units {
		n := len(u.Payload) + 7
		// ISO/IEC 13818-7, 6.2: AAC-LC, 48 kHz, two channels, no CRC.
		adts.Write([]byte{0xff, 0xf1, 1<<6 | 3<<2, 2<<6 | byte(n>>11), byte(n >> 3), byte(n<<5) | 0x1f, 0xfc})
		adts.Write(u.Payload)
	}
	cmd := exec.CommandContext(t.Context(), independent, "-hide_banner", "-loglevel", "error", "-f", "aac", "-i", "pipe:", "-f", "s16le", "-ac", "1", "pipe:")
	cmd.Stdin = &adts
	pcm, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(pcm); i += 2 {
		if v := int16(binary.LittleEndian.Uint16(pcm[i:])); v > 3000 || v < -3000 {
			samples := units[0].PTS + int64(i/2)
			return time.Duration(samples) * time.Second / 48_000
		}
	}
	t.Fatal("silence")
	return 0
}
