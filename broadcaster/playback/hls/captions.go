package hls

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"castnet/broadcaster/playback/captions"
	"castnet/internal/media"
)

// captionsName is where the source's captions are as text: a playlist whose segments are those of the source.
const captionsName = "captions"

// writeServices lists the captions that are in the pictures as members of the captions group. Players find them there; the
// multivariant playlist tells that they are worth looking for.
func writeServices(b *strings.Builder, found captions.Services) {
	for _, s := range []struct {
		bit      captions.Services
		name, id string
	}{{captions.CC1, "Captions", "CC1"}, {captions.CC3, "Captions 2", "CC3"}, {captions.Service1, "Captions (708)", "SERVICE1"}} {
		if found&s.bit != 0 {
			fmt.Fprintf(b, "#EXT-X-MEDIA:TYPE=CLOSED-CAPTIONS,GROUP-ID=%q,NAME=%q,DEFAULT=NO,AUTOSELECT=YES,INSTREAM-ID=%q\n", captionsGroup, s.name, s.id)
		}
	}
	if found&captions.CC1 != 0 {
		fmt.Fprintf(b, "#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID=%q,NAME=\"Captions (text)\",DEFAULT=NO,AUTOSELECT=NO,FORCED=NO,URI=\"%s/%s\"\n",
			subtitlesGroup, captionsName, indexName)
	}
}

// captionsPlaylist writes the playlist of the source's captions as text. There are none of a segment before it is complete.
// It offers no blocking reload: that would take one of the six connections that a browser has by HTTP/1.1.
func captionsPlaylist(p *packager, tag string) string {
	var b strings.Builder
	listed := p.segments[p.late:]
	fmt.Fprintf(&b, "#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-TARGETDURATION:%d\n", int(p.target().Seconds()))
	fmt.Fprintf(&b, "#EXT-X-MEDIA-SEQUENCE:%d\n", listed[0].msn)
	if p.evictedDis > 0 {
		fmt.Fprintf(&b, "#EXT-X-DISCONTINUITY-SEQUENCE:%d\n", p.evictedDis)
	}
	for _, s := range listed {
		if s.duration == 0 {
			continue // it is open
		}
		if s.discontinuity {
			b.WriteString("#EXT-X-DISCONTINUITY\n")
		}
		fmt.Fprintf(&b, "#EXT-X-PROGRAM-DATE-TIME:%s\n#EXTINF:%.5f,\n%s\n", s.start.UTC().Format(timeFormat), s.duration.Seconds(), fileName(tag, 'w', s.msn))
	}
	if p.ended {
		b.WriteString("#EXT-X-ENDLIST\n")
	}
	return b.String()
}

// webVTT writes cues as a segment of WebVTT (RFC 8216, section 3.5). Its times are PTS, which are later in the other files.
func webVTT(cues []captions.Cue) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "WEBVTT\nX-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:%d\n", int64(timelineOffset.Seconds())*media.VideoClockRate)
	escape := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")
	for _, c := range cues {
		fmt.Fprintf(&b, "\n%s --> %s\n%s\n", vttTime(c.Start), vttTime(c.End), escape.Replace(c.Text))
	}
	return b.Bytes()
}

func vttTime(pts int64) string {
	d := time.Duration(media.Rescale(max(pts, 0), media.VideoClockRate, int64(time.Second))).Milliseconds()
	return fmt.Sprintf("%02d:%02d:%02d.%03d", d/3_600_000, d/60_000%60, d/1000%60, d%1000)
}
