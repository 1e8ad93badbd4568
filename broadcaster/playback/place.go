package playback

import "net/netip"

// PlaceOf is where a request comes from, given as http.Request.RemoteAddr: an IPv4 address, or an IPv6 /64 network, which is
// what one customer has. Requests that don't tell come from one place, the zero one.
func PlaceOf(remote string) netip.Prefix {
	at, err := netip.ParseAddrPort(remote)
	if err != nil {
		return netip.Prefix{}
	}
	bits := 64
	if at.Addr().Unmap().Is4() {
		bits = 32
	}
	place, _ := at.Addr().Unmap().WithZone("").Prefix(bits) // these many bits are always there
	return place
}
