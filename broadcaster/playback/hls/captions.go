package hls

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"castnet/broadcaster/playback/captions"
	"castnet/internal/media"
)

// captionsName is where the source's captions are as text: a playlist for each service, whose segments are those of the source.
// Those of the services after the first have a number behind it.
const captionsName = "captions"

// firstWords is the letter that files of the first service's text have in their names; the others' follow it.
const firstWords = 'v'

// service tells how players know a service: its name in the multivariant playlist, and its id in the pictures.
func service(s captions.Service) (name, id string) {
	if s == captions.Service1 {
		return "Captions (708)", "SERVICE1"
	}
	name, id = "Captions", fmt.Sprintf("CC%d", s-captions.CC1+1)
	if s != captions.CC1 {
		name += fmt.Sprintf(" %d", s-captions.CC1+1)
	}
	return name, id
}

// textName is where the text of a service is.
func textName(s captions.Service) string {
	if s == captions.CC1 {
		return captionsName
	}
	return fmt.Sprintf("%s%d", captionsName, s+1)
}

// textOf finds the service whose text is at a name.
func textOf(name string) (s captions.Service, ok bool) {
	for s := range captions.Count {
		if textName(s) == name {
			return s, true
		}
	}
	return 0, false
}

// offered is the services that a multivariant playlist lists. Where there is room for captions and nothing in it yet, that is the
// one which nearly all who caption begin with: players take a service that comes later only from a multivariant playlist that
// they fetch later.
func offered(found captions.Services, carried bool) captions.Services {
	if found == 0 && carried {
		return 1 << captions.CC1
	}
	return found
}

// writeServices lists the captions that are in the pictures as members of the captions group, and as text. Players find the first
// there; the multivariant playlist tells that they are worth looking for. What CEA-708 says again is not text twice.
func writeServices(b *strings.Builder, found captions.Services) {
	for s := range captions.Count {
		name, id := service(s)
		if !found.Has(s) {
			continue
		}
		fmt.Fprintf(b, "#EXT-X-MEDIA:TYPE=CLOSED-CAPTIONS,GROUP-ID=%q,NAME=%q,DEFAULT=NO,AUTOSELECT=YES,INSTREAM-ID=%q\n", captionsGroup, name, id)
		if s == captions.Service1 && found.Has(captions.CC1) {
			continue
		}
		fmt.Fprintf(b, "#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID=%q,NAME=\"%s (text)\",DEFAULT=NO,AUTOSELECT=NO,FORCED=NO,URI=\"%s/%s\"\n",
			subtitlesGroup, name, textName(s), indexName)
	}
}

// captionsPlaylist writes the playlist of a service of the source's captions as text. There are none of a segment before it is complete.
// It offers no blocking reload: that would take one of the six connections that a browser has by HTTP/1.1.
func captionsPlaylist(p *packager, tag string, service captions.Service) string {
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
		fmt.Fprintf(&b, "#EXT-X-PROGRAM-DATE-TIME:%s\n#EXTINF:%.5f,\n%s\n", s.start.UTC().Format(timeFormat), s.duration.Seconds(), fileName(tag, firstWords+byte(service), s.msn))
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
		fmt.Fprintf(&b, "\n%s --> %s%s\n%s\n", vttTime(c.Start), vttTime(c.End), place(c), escape.Replace(c.Text))
	}
	return b.Bytes()
}

// place is where WebVTT shows a cue. A caption screen takes the middle 80 % of the picture each way (CEA-608, section 4.1); what
// has no place stands where players put it.
func place(c captions.Cue) string {
	if c.Row == captions.Nowhere {
		return ""
	}
	const margin, width = 10.0, 80.0
	return fmt.Sprintf(" line:%.2f%% position:%.2f%% align:start",
		margin+width*float64(c.Row)/captions.Rows, margin+width*float64(c.Column)/captions.Columns)
}

func vttTime(pts int64) string {
	d := time.Duration(media.Rescale(max(pts, 0), media.VideoClockRate, int64(time.Second))).Milliseconds()
	return fmt.Sprintf("%02d:%02d:%02d.%03d", d/3_600_000, d/60_000%60, d/1000%60, d%1000)
}
