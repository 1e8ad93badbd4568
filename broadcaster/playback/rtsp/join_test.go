package rtsp_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v4"
	"github.com/bluenviron/gortsplib/v4/pkg/base"
	"github.com/bluenviron/gortsplib/v4/pkg/description"
	"github.com/bluenviron/gortsplib/v4/pkg/format"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"castnet/internal/media"
	"castnet/test/clip"
	"castnet/transcoder"
)

// TestJoin: who comes between two key pictures gets what there is from the last one on, at once, with the sound that belongs to it
// and a report on each clock; then what comes, to the last picture.
func TestJoin(t *testing.T) {
	for _, transport := range []gortsplib.Transport{gortsplib.TransportTCP, gortsplib.TransportUDP} {
		t.Run(transport.String(), func(t *testing.T) {
			const gop = 30
			r := newRig(t)
			german, english := *r.sound.Track, *r.sound.Track
			german.Language, german.Label = "de", "Saal\r\na=evil"
			english.Language = "en\r\na=evil"
			r.hub.AddAudio(0, &german)
			r.hub.AddAudio(1, &english)
			heard := 0
			publish := func(from, to int) {
				for i, u := range r.video.Units[from:to] {
					if u.Key {
						must(t, r.hub.StartSegment(&media.Segment{Seq: uint64((from + i) / gop), FirstPTS: u.PTS, DecodeFrom: u.PTS, Track: r.video.Track}))
					}
					must(t, r.hub.PublishSource(u))
					for ; r.sound.Track.Duration(r.sound.Units[heard].PTS) < r.video.Track.Duration(u.DTS); heard++ {
						must(t, r.hub.PublishAudio(0, media.AAC, r.sound.Units[heard]))
					}
				}
			}
			publish(0, gop+10)
			must(t, r.hub.SetLadder(nil))

			p := r.join(transport, "/demo")
			if n := strings.Count(p.described, "\r\na="); !strings.Contains(p.described, "\r\na=lang:de\r\n") || !strings.Contains(p.described, "\r\ni=Saala=evil\r\n") ||
				strings.Contains(p.described, "\r\na=evil") || strings.Count(p.described, "a=lang") != 1 {
				t.Errorf("%d attributes in\n%s", n, p.described)
			}
			want := r.video.Units[gop : gop+10]
			p.await(len(want))
			for len(p.timestamps[1]) == 0 {
				p.next()
			}
			t.Logf("the first packet came %v after PLAY", p.first)
			if sound := p.timestamps[1]; len(sound) == 0 || r.sound.Track.Duration(int64(sound[0])) < r.video.Track.Duration(want[0].PTS) {
				t.Errorf("sound begins with %v, pictures with %v", sound, want[0].PTS)
			}
			for n := gop + 10; n < 2*gop+5; n += 5 { // no more at once than a player's socket holds that is not read
				p.await(n - gop)
				publish(n, n+5)
			}
			r.hub.Close(nil)
			want = r.video.Units[gop : 2*gop+5]
			p.await(len(want))
			for i, u := range want {
				if p.timestamps[0][i] != uint32(u.PTS) {
					t.Fatalf("picture %d is %d, published was %d", i, p.timestamps[0][i], u.PTS)
				}
			}
			if p.reported[0] == 0 || p.reported[1] == 0 {
				t.Errorf("reports on the clocks: %v", p.reported)
			}
			p.awaitGoodbyes(2)
			p.awaitDismissal()
		})
	}
}

// inTime is how soon a test has a key picture made that a player waits for, which it does for a little longer.
const inTime = 300 * time.Millisecond

// TestJoinRung: who plays a rung begins with a key picture made for it, and who comes soon after with the same.
func TestJoinRung(t *testing.T) {
	for range 20 {
		if joinRung(t) < inTime {
			return
		}
	}
	t.Errorf("no key picture was made within %v", inTime)
}

// joinRung has one come, and returns how long it waited for its key picture. It judges what it got where that was not too long.
func joinRung(t *testing.T) (waited time.Duration) {
	t.Helper()
	r := newRig(t)
	v, err := clip.Make(t.Context(), clip.Spec{Width: 320, Height: 240, FPS: 30, Seconds: 2, GOP: 30})
	must(t, err)
	must(t, r.hub.StartSegment(&media.Segment{Track: v.Track}))
	must(t, r.hub.SetLadder(transcoder.Ladder{{Name: "240p", Codec: media.H264, Width: 320, Height: 240, Bitrate: 300_000, Divisor: 1}}))
	grant := r.hub.Admit(0)
	publish := func(n int, from *media.Unit) {
		must(t, r.hub.PublishSource(v.Units[n]))
		u := *from
		u.PTS = v.Units[n].PTS
		must(t, grant.Publish(0, &u))
	}
	for n := range 10 {
		publish(n, v.Units[n])
	}
	began := time.Now()
	first := r.join(gortsplib.TransportTCP, "/demo/240p")
	select {
	case <-r.asked:
	case <-time.After(2 * time.Minute):
		t.Fatal("no key picture was asked for")
	}
	publish(10, v.Units[30]) // a key picture
	if waited = time.Since(began); waited >= inTime {
		return waited
	}
	publish(11, v.Units[31])
	for _, p := range []*player{first, r.join(gortsplib.TransportTCP, "/demo/240p")} {
		p.await(2)
		if got := p.timestamps[0]; got[0] != uint32(v.Units[10].PTS) || got[1] != uint32(v.Units[11].PTS) {
			t.Errorf("it begins with %v, the key picture is %d", got, v.Units[10].PTS)
		}
	}
	return waited
}

// player plays by gortsplib.
type player struct {
	*testing.T
	described  string
	began      time.Time
	first      time.Duration // from PLAY to the first packet
	timestamps [3][]uint32   // of each track, without repetitions
	reported   [3]int        // reports of each track
	ended      chan int      // each track whose sender said goodbye
	client     *gortsplib.Client
	packets    chan packet
}

type packet struct {
	track     int
	timestamp uint32
	report    bool
	at        time.Time
}

// join begins to play.
func (r *rig) join(transport gortsplib.Transport, path string) *player {
	r.Helper()
	u, err := base.ParseURL("rtsp://" + r.address + path)
	must(r.T, err)
	client := &gortsplib.Client{Scheme: u.Scheme, Host: u.Host, Transport: &transport}
	must(r.T, client.Start2())
	r.Cleanup(client.Close)
	desc, res, err := client.Describe(u)
	must(r.T, err)
	must(r.T, client.SetupAll(desc.BaseURL, desc.Medias))
	p := &player{T: r.T, described: string(res.Body), packets: make(chan packet, 10_000), ended: make(chan int, 3), client: client}
	client.OnPacketRTPAny(func(m *description.Media, _ format.Format, got *rtp.Packet) {
		p.packets <- packet{track: slices.Index(desc.Medias, m), timestamp: got.Timestamp, at: time.Now()}
	})
	client.OnPacketRTCPAny(func(m *description.Media, got rtcp.Packet) {
		switch got.(type) {
		case *rtcp.SenderReport:
			p.packets <- packet{track: slices.Index(desc.Medias, m), report: true}
		case *rtcp.Goodbye:
			p.ended <- slices.Index(desc.Medias, m)
		}
	})
	p.began = time.Now()
	_, err = client.Play(nil)
	must(r.T, err)
	return p
}

// next takes the next packet of media.
func (p *player) next() {
	p.Helper()
	late := time.After(2 * time.Minute)
	for {
		select {
		case got := <-p.packets:
			if got.report {
				p.reported[got.track]++
				continue
			}
			if p.first == 0 {
				p.first = got.at.Sub(p.began)
			}
			if all := p.timestamps[got.track]; len(all) == 0 || all[len(all)-1] != got.timestamp {
				p.timestamps[got.track] = append(all, got.timestamp)
			}
			return
		case <-late:
			p.Fatalf("nothing more comes after %d pictures", len(p.timestamps[0]))
		}
	}
}

// await waits for so many pictures.
func (p *player) await(pictures int) {
	p.Helper()
	for len(p.timestamps[0]) < pictures {
		p.next()
	}
}

// awaitGoodbyes waits until the senders of so many tracks have said goodbye.
func (p *player) awaitGoodbyes(tracks int) {
	p.Helper()
	late := time.After(2 * time.Minute)
	for left := make(map[int]bool); len(left) < tracks; {
		select {
		case track := <-p.ended:
			left[track] = true
		case <-late:
			p.Fatalf("of %d tracks only %v have ended", tracks, left)
		}
	}
}

// awaitDismissal waits until one who does not hang up is sent away.
func (p *player) awaitDismissal() {
	p.Helper()
	ended := make(chan struct{})
	go func() {
		_ = p.client.Wait() // tells why
		close(ended)
	}()
	select {
	case <-ended:
	case <-time.After(2 * time.Minute):
		p.Fatal("the session is open after the end")
	}
}
