package ports

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// Proxies are the networks of reverse proxies whose word on where a request comes from is taken. Nobody else's is: anybody can
// write the headers.
type Proxies []netip.Prefix

// Contains reports whether an address is one of theirs.
func (p Proxies) Contains(addr netip.Addr) bool {
	addr = addr.Unmap().WithZone("")
	return slices.ContainsFunc(p, func(n netip.Prefix) bool { return n.Contains(addr) })
}

// Handler has next see the client's address in RemoteAddr (with port 0) instead of the proxy's, where one of these proxies
// tells it: by X-Forwarded-For, or Forwarded (RFC 7239). The client is the last address before the proxies' own. Where both
// headers are there and differ, one of them is the client's invention, and neither is taken.
func (p Proxies) Handler(next http.Handler) http.Handler {
	if len(p) == 0 {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if client, ok := p.client(r); ok {
			forwarded := *r // a shallow copy, as handlers must not change what they are given
			forwarded.RemoteAddr = netip.AddrPortFrom(client, 0).String()
			r = &forwarded
		}
		next.ServeHTTP(w, r)
	})
}

// client is the address that a request comes from by the word of our proxies.
func (p Proxies) client(r *http.Request) (netip.Addr, bool) {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil || !p.Contains(peer.Addr()) {
		return netip.Addr{}, false
	}
	var found []netip.Addr
	for _, hops := range [][]string{list(r.Header.Values("X-Forwarded-For")), forwardedFor(r.Header.Values("Forwarded"))} {
		if addr, ok := p.last(hops); ok {
			found = append(found, addr)
		}
	}
	if len(found) == 0 || found[0] != found[len(found)-1] {
		return netip.Addr{}, false
	}
	return found[0], true
}

// last is the last of the hops that is no proxy of ours; those after it were written by our proxies.
func (p Proxies) last(hops []string) (netip.Addr, bool) {
	for _, hop := range slices.Backward(hops) {
		addr, err := hopAddress(hop)
		if err != nil {
			return netip.Addr{}, false // "unknown", or a name that hides it
		}
		if !p.Contains(addr) {
			return addr.Unmap().WithZone(""), true
		}
	}
	return netip.Addr{}, false
}

// list joins a header's lines and splits them at commas.
func list(lines []string) []string {
	var all []string
	for _, line := range lines {
		for part := range strings.SplitSeq(line, ",") {
			if part = strings.TrimSpace(part); part != "" {
				all = append(all, part)
			}
		}
	}
	return all
}

// forwardedFor finds the for= of each hop of a Forwarded header.
func forwardedFor(lines []string) []string {
	var all []string
	for _, hop := range list(lines) {
		for pair := range strings.SplitSeq(hop, ";") {
			if name, value, _ := strings.Cut(strings.TrimSpace(pair), "="); strings.EqualFold(name, "for") {
				all = append(all, strings.Trim(value, `"`))
			}
		}
	}
	return all
}

// hopAddress reads an address as proxies write it: with or without a port, IPv6 in brackets or not.
func hopAddress(hop string) (netip.Addr, error) {
	if host, _, err := net.SplitHostPort(hop); err == nil {
		hop = host
	}
	return netip.ParseAddr(strings.Trim(hop, "[]"))
}
