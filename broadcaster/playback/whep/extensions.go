package whep

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"

	"castnet/broadcaster/playback"
	"castnet/internal/rtc"
)

// The extensions of WHEP (draft-murillo-whep-03) by which a player chooses a rendition and learns which one it is shown.
const (
	eventsExtension = "urn:ietf:params:whep:ext:core:server-sent-events"
	layerExtension  = "urn:ietf:params:whep:ext:core:layer"

	// eventTypes are the draft's, and Castnet's own: bandwidth.
	eventTypes = "active,inactive,layers,viewercount,bandwidth"
	// eventInterval is how often is looked at what is not told at once.
	eventInterval = time.Second
	// eventWrite is how long a player may take to read an event.
	eventWrite = 5 * time.Second
	// maxListeners bounds the event streams of one session.
	maxListeners = 4
)

// layer is one rendition in the draft's words.
type layer struct {
	EncodingID string `json:"encodingId"`
	Index      int    `json:"simulcastIdx"` // the smallest is 0
	Bitrate    int    `json:"bitrate"`      // bits a second, measured
	Width      int    `json:"width"`
	Height     int    `json:"height"`
	Selected   bool   `json:"selected"`  // the viewer is shown this one
	Automatic  bool   `json:"automatic"` // by the server's choice
}

// layers are the renditions of a viewer's picture: those that have pictures, those that have none, and both together.
type layers struct {
	Active   []layer `json:"active"`
	Inactive []layer `json:"inactive"`
	Layers   []layer `json:"layers"`
}

// layers lists what the viewer may be shown, largest first, and gives a channel that is closed when something else is
// selected.
func (l *leg) layers() (all layers, changed <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	all = layers{Active: []layer{}, Inactive: []layer{}, Layers: []layer{}}
	for i, f := range slices.Backward(l.feeds) {
		p := f.rendition.Profile()
		one := layer{
			EncodingID: f.rendition.Name(), Index: i, Bitrate: int(f.bitrate()), Width: p.Width, Height: p.Height,
			Selected: i == l.current, Automatic: l.auto,
		}
		if t := f.rendition.Track(); t != nil {
			one.Width, one.Height = t.Width, t.Height
			all.Active = append(all.Active, one)
		} else {
			all.Inactive = append(all.Inactive, one)
		}
		all.Layers = append(all.Layers, one)
	}
	return all, l.changed
}

// pick is a player's choice of a rendition; an empty name leaves it to the server. It reports whether there is such a one, that
// has not ended.
func (l *leg) pick(name string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.reform(nil)
	i := slices.IndexFunc(l.feeds, func(f *feed) bool { return f.rendition.Name() == name && !f.rendition.Over() })
	if i < 0 && name != "" {
		return false
	}
	if l.auto = i < 0; !l.auto {
		l.wanted = i
	}
	l.tell()
	return true
}

// bandwidth is the estimate, in bits a second and two digits; 0 where there is none.
func (l *leg) bandwidth() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.estimator == nil || l.estimator.Estimate() == 0 {
		return 0
	}
	unit := math.Pow10(int(math.Log10(l.estimator.Estimate())) - 1)
	return int(math.Round(l.estimator.Estimate()/unit) * unit)
}

// mediaID is the SDP's name of the section of pictures; empty where there is none.
func (s *session) mediaID() string {
	for _, t := range s.pc.GetTransceivers() {
		if sender := t.Sender(); sender != nil && s.pictures != nil && sender.Track() == s.pictures {
			return t.Mid()
		}
	}
	return ""
}

// links names the session's extension resources.
func (s *session) links(h http.Header, at string) {
	h.Add("Link", fmt.Sprintf("<%s/events>; rel=%q; events=%q", at, eventsExtension, eventTypes))
	if s.pictures != nil {
		h.Add("Link", fmt.Sprintf("<%s/layer>; rel=%q", at, layerExtension))
	}
}

// layer answers a request to be shown another rendition: {"encodingId": "720p"}, or {} for the server's choice.
func (s *Server) layer(w http.ResponseWriter, r *http.Request, v *session) error {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", "POST, OPTIONS")
		return rtc.Refuse(http.StatusMethodNotAllowed, `POST {"encodingId": NAME} here, or {} for the server's choice`)
	}
	if v.pictures == nil {
		return rtc.Refuse(http.StatusConflict, "the stream has nothing but sound: there are no renditions to choose from")
	}
	body, err := rtc.ReadBody(w, r, s.cfg.Wait)
	if err != nil {
		return err
	}
	var choice struct {
		MediaID    string `json:"mediaId"`
		EncodingID string `json:"encodingId"`
	}
	if err := json.Unmarshal([]byte(body), &choice); err != nil {
		return rtc.Refuse(http.StatusBadRequest, `what was sent is not {"encodingId": NAME}: %v`, err)
	}
	if id := v.mediaID(); choice.MediaID != "" && choice.MediaID != id {
		return rtc.Refuse(http.StatusNotFound, "media %q has no renditions: %q is the one of the pictures", choice.MediaID, id)
	}
	if !v.pictures.pick(choice.EncodingID) {
		all, _ := v.pictures.layers()
		var names []string
		for _, one := range all.Layers {
			names = append(names, one.EncodingID)
		}
		return rtc.Refuse(http.StatusNotFound, "this session has no rendition %q: there are %s", choice.EncodingID, strings.Join(names, ", "))
	}
	w.WriteHeader(http.StatusOK)
	return nil
}

// events answers requests to be told what happens: a POST with the types wanted names the stream of events, which a GET
// opens.
func (s *Server) events(w http.ResponseWriter, r *http.Request, v *session, at string) error {
	switch r.Method {
	case http.MethodGet:
		if v.listeners.Add(1) > maxListeners {
			v.listeners.Add(-1)
			return rtc.Refuse(http.StatusTooManyRequests, "the session has %d streams of events open, its limit", maxListeners)
		}
		defer v.listeners.Add(-1)
		types := strings.Split(cmp.Or(r.URL.Query().Get("types"), eventTypes), ",")
		if err := known(types); err != nil {
			return err
		}
		to := &eventWriter{w: w, control: http.NewResponseController(w), types: types, last: make(map[string]string)}
		v.speak(to, r.Context().Done())
		return to.control.SetWriteDeadline(time.Time{})
	case http.MethodPost:
		body, err := rtc.ReadBody(w, r, s.cfg.Wait)
		if err != nil {
			return err
		}
		var types []string
		if err := json.Unmarshal([]byte(body), &types); err != nil {
			return rtc.Refuse(http.StatusBadRequest, "what was sent is not a list of %s: %v", eventTypes, err)
		}
		if err := known(types); err != nil {
			return err
		}
		w.Header().Set("Location", at+"?types="+strings.Join(types, ","))
		w.WriteHeader(http.StatusCreated)
		return nil
	case http.MethodDelete:
		w.WriteHeader(http.StatusOK) // the stream ends with its connection
		return nil
	default:
		w.Header().Set("Allow", "GET, POST, DELETE, OPTIONS")
		return rtc.Refuse(http.StatusMethodNotAllowed, "POST the events wanted, then GET what Location names")
	}
}

// known refuses types of events that there are not: who asks for nothing else would never hear anything.
func known(types []string) error {
	for _, one := range types {
		if !slices.Contains(strings.Split(eventTypes, ","), one) {
			return rtc.Refuse(http.StatusBadRequest, "there is no event %.40q, but %s", one, eventTypes)
		}
	}
	return nil
}

// speak tells what happens until the listener or the session has gone.
func (s *session) speak(to *eventWriter, gone <-chan struct{}) {
	h := to.w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	tick := time.NewTicker(eventInterval)
	defer tick.Stop()
	media := s.mediaID()
	for {
		var changed <-chan struct{}
		to.tell("active", struct{}{})
		if s.pictures != nil {
			var all layers
			all, changed = s.pictures.layers()
			to.tell("layers", map[string]layers{media: all})
			to.tell("bandwidth", map[string]int{"estimate": s.pictures.bandwidth()})
		}
		to.tell("viewercount", map[string]int{"viewercount": s.hub.Viewers(playback.WHEP)})
		if to.err != nil {
			return
		}
		select {
		case <-changed:
		case <-tick.C:
		case <-gone:
			return
		case <-s.ended:
			to.tell("inactive", struct{}{})
			return
		}
	}
}

// eventWriter writes events that differ from the last one of their type.
type eventWriter struct {
	w       http.ResponseWriter
	control *http.ResponseController
	types   []string
	last    map[string]string
	err     error
}

func (e *eventWriter) tell(kind string, what any) {
	if !slices.Contains(e.types, kind) || e.err != nil {
		return
	}
	data, err := json.Marshal(what)
	if err != nil || e.last[kind] == string(data) {
		return
	}
	e.last[kind] = string(data)
	if e.err = e.control.SetWriteDeadline(time.Now().Add(eventWrite)); e.err != nil {
		return
	}
	if _, e.err = fmt.Fprintf(e.w, "event: %s\ndata: %s\n\n", kind, data); e.err == nil {
		e.err = e.control.Flush()
	}
}
