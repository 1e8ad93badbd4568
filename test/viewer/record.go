package viewer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mpegts"
	tscodecs "github.com/bluenviron/mediacommon/v2/pkg/formats/mpegts/codecs"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mpegts/substructs"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
	"github.com/pion/webrtc/v4"
)

// RecordWHEP watches a stream, H264 with Opus, to its end, and writes it into an MPEG-TS file. Sound and pictures are put in
// step by the sender's reports, as players do it.
func RecordWHEP(ctx context.Context, url, file string) error {
	var r recorder
	w, err := newWHEP(r.track, webrtc.RTPCodecTypeVideo, webrtc.RTPCodecTypeAudio)
	if err != nil {
		return err
	}
	over := make(chan struct{})
	var once sync.Once
	w.pc.OnConnectionStateChange(func(s webrtc.PeerConnectionState) {
		if s == webrtc.PeerConnectionStateClosed || s == webrtc.PeerConnectionStateFailed || s == webrtc.PeerConnectionStateDisconnected {
			once.Do(func() { close(over) })
		}
	})
	if err := w.Join(ctx, url); err != nil {
		return errors.Join(err, w.Close())
	}
	select {
	case <-over:
	case <-ctx.Done():
		return errors.Join(ctx.Err(), w.Close())
	}
	if err := w.Close(); err != nil {
		return err
	}
	return r.write(file)
}

// recorder keeps what comes by each track.
type recorder struct {
	mu     sync.Mutex
	tracks []*recorded
}

// recorded is one track.
type recorded struct {
	audio bool
	rate  float64
	units []recordedUnit

	mu     sync.Mutex
	report *rtcp.SenderReport // the first
}

type recordedUnit struct {
	timestamp uint32
	payload   []byte
}

func (r *recorder) track(w *WHEP, t *webrtc.TrackRemote, receiver *webrtc.RTPReceiver) {
	one := &recorded{audio: t.Kind() == webrtc.RTPCodecTypeAudio, rate: float64(t.Codec().ClockRate)}
	r.mu.Lock()
	r.tracks = append(r.tracks, one)
	r.mu.Unlock()
	w.reading.Go(func() {
		var h264 codecs.H264Packet
		w.read(t, func(packets []*rtp.Packet) {
			u := recordedUnit{timestamp: packets[0].Timestamp}
			for _, p := range packets {
				payload := p.Payload
				if !one.audio {
					payload, _ = h264.Unmarshal(p.Payload) // what cannot be read is missing in the file
				}
				u.payload = append(u.payload, payload...)
			}
			one.units = append(one.units, u)
		})
	})
	w.reading.Go(func() {
		for {
			packets, _, err := receiver.ReadRTCP()
			if err != nil {
				return
			}
			for _, p := range packets {
				if report, ok := p.(*rtcp.SenderReport); ok {
					one.mu.Lock()
					one.report = cmp.Or(one.report, report)
					one.mu.Unlock()
				}
			}
		}
	})
}

// at is when a unit was captured, by the sender's clock.
func (t *recorded) at(u recordedUnit) time.Duration {
	reported := time.Duration(float64(t.report.NTPTime) / (1 << 32) * float64(time.Second))
	return reported + time.Duration(float64(int32(u.timestamp-t.report.RTPTime))/t.rate*float64(time.Second))
}

// write puts the tracks into a file, whose time begins with the first unit.
func (r *recorder) write(file string) (err error) {
	type sample struct {
		at    time.Duration
		track int
		data  []byte
	}
	var samples []sample
	tracks := make([]*mpegts.Track, len(r.tracks))
	for i, t := range r.tracks {
		if t.report == nil {
			return fmt.Errorf("no sender report came for a track of %d units", len(t.units))
		}
		tracks[i] = &mpegts.Track{Codec: &tscodecs.H264{}}
		if t.audio {
			tracks[i].Codec = &tscodecs.Opus{Desc: &substructs.OpusAudioDescriptor{ChannelConfigCode: 2}}
		}
		for _, u := range t.units {
			samples = append(samples, sample{t.at(u), i, u.payload})
		}
	}
	if len(samples) == 0 {
		return errors.New("nothing came")
	}
	slices.SortStableFunc(samples, func(a, b sample) int { return cmp.Compare(a.at, b.at) })
	out, err := os.Create(file) //nolint:gosec // a test's own file
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	w := &mpegts.Writer{W: out, Tracks: tracks}
	if err := w.Initialize(); err != nil {
		return err
	}
	for _, s := range samples {
		ticks := int64((s.at - samples[0].at) * 9 / 100_000) // of 90 kHz
		if r.tracks[s.track].audio {
			err = w.WriteOpus(tracks[s.track], ticks, [][]byte{s.data})
		} else {
			var au h264.AnnexB
			if err = au.Unmarshal(s.data); err == nil {
				err = w.WriteH264(tracks[s.track], ticks, ticks, au)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}
