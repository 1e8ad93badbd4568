package publisher

import (
	"context"
	"net/url"
	"slices"
	"time"

	"github.com/bluenviron/gortmplib"
	"github.com/bluenviron/gortmplib/pkg/codecs"
	"github.com/bluenviron/gortmplib/pkg/message"

	"castnet/internal/media"
)

// goodbye bounds the wait for the server's end of the connection.
const goodbye = 5 * time.Second

// PushSizes publishes several sizes of the same H264 pictures at once to rtmp://host/live/KEY, in real time, as enhanced RTMP
// v2's multitrack has them. sent says whether picture i of a size is sent. With the first picture that is sent in no size, or the last
// one, it ends with a goodbye.
func PushSizes(ctx context.Context, address string, sizes []Stream, sent func(size, i int) bool) error {
	u, err := url.Parse(address)
	if err != nil {
		return err
	}
	client := &gortmplib.Client{URL: u, Publish: true}
	if err := client.Initialize(ctx); err != nil {
		return err
	}
	defer client.Close()
	w := &gortmplib.Writer{Conn: client}
	for _, s := range sizes {
		sets := slices.Collect(media.NALUs(s.Track.Config))
		w.Tracks = append(w.Tracks, &gortmplib.Track{Codec: &codecs.H264{SPS: sets[0], PPS: sets[1]}})
	}
	if err := w.Initialize(); err != nil {
		return err
	}
	start := time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	<-timer.C
	for i, first := range sizes[0].Units {
		timer.Reset(time.Until(start.Add(sizes[0].Track.Duration(first.DTS))))
		select {
		case <-timer.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		over := true
		for n, s := range sizes {
			if !sent(n, i) {
				continue
			}
			over = false
			u := s.Units[i]
			if err := w.WriteH264(w.Tracks[n], s.Track.Duration(u.PTS), s.Track.Duration(u.DTS), slices.Collect(media.NALUs(u.Payload))); err != nil {
				return err
			}
		}
		if over {
			break
		}
	}
	if err := client.Write(&message.CommandAMF0{ChunkStreamID: 3, Name: "deleteStream", CommandID: 9, Arguments: []any{nil, 1.0}}); err != nil {
		return err
	}
	if err := client.NetConn().SetReadDeadline(time.Now().Add(goodbye)); err != nil {
		return err
	}
	for err == nil { // what is left unread would cut the connection before all of it has arrived
		_, err = client.Read()
	}
	return nil
}
