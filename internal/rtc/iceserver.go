package rtc

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/pion/stun/v4"
)

// ICEServers are STUN and TURN servers that publishers and viewers are told to use.
type ICEServers []string

// ParseICEServers reads them as people write them: a URL, for TURN followed by the user and the password, separated by
// spaces: "turn:turn.example.net:3478?transport=udp USER PASSWORD". No error shows a password.
func ParseICEServers(texts []string) (ICEServers, error) {
	var all ICEServers
	for _, text := range texts {
		fields := strings.Fields(text)
		if len(fields) == 0 || strings.ContainsAny(text, `<>"\`) {
			return nil, errors.New("an ICE server is written as URL, or as URL USER PASSWORD, without <, >, \" and \\")
		}
		uri, err := stun.ParseURI(fields[0])
		if err != nil {
			return nil, fmt.Errorf("ICE server %s: %w: URLs are stun:HOST:PORT and turn:HOST:PORT", fields[0], err)
		}
		turn := uri.Scheme == stun.SchemeTypeTURN || uri.Scheme == stun.SchemeTypeTURNS
		switch {
		case turn && len(fields) != 3:
			return nil, fmt.Errorf("ICE server %s: a TURN server needs a user and a password after its URL", fields[0])
		case !turn && len(fields) != 1:
			return nil, fmt.Errorf("ICE server %s: a STUN server has no user and no password", fields[0])
		}
		link := "<" + fields[0] + `>; rel="ice-server"`
		if turn {
			link += fmt.Sprintf(`; username=%q; credential=%q; credential-type="password"`, fields[1], fields[2])
		}
		all = append(all, link)
	}
	return all, nil
}

// Announce names the servers in an answer (RFC 9725, section 4.6).
func (s ICEServers) Announce(h http.Header) {
	for _, link := range s {
		h.Add("Link", link)
	}
}
