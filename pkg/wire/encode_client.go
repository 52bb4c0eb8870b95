package wire

import "strconv"

// Encode returns the message as JSON.
func (j *Join) Encode() []byte {
	j.Type = TypeJoin
	return encode(j)
}

// AppendPublish appends a publish. Its event must be valid, see [ValidEvent],
// and its data must be JSON; no data is null.
func AppendPublish(dst []byte, p *Publish) []byte {
	dst = append(dst, `{"type":"publish"`...)
	dst = appendRef(dst, p.Ref)
	dst = append(dst, `,"event":"`...)
	dst = append(dst, p.Event...)
	dst = append(dst, '"')
	if len(p.Key) > 0 {
		dst = append(dst, `,"key":`...)
		dst = AppendString(dst, string(p.Key))
	}
	dst = appendData(dst, p.Data)
	if p.Ephemeral {
		dst = append(dst, `,"ephemeral":true`...)
	}
	return append(dst, '}')
}

// AppendCommand appends a command. Its name must be valid, see [ValidEvent],
// and its data must be JSON; no data is null.
func AppendCommand(dst []byte, c *Command) []byte {
	dst = append(dst, `{"type":"command"`...)
	dst = appendRef(dst, c.Ref)
	dst = append(dst, `,"command":"`...)
	dst = append(dst, c.Command...)
	dst = append(dst, '"')
	dst = appendData(dst, c.Data)
	return append(dst, '}')
}

// AppendHeartbeatAnswer appends a client's answer to a heartbeat.
func AppendHeartbeatAnswer(dst []byte, h Heartbeat) []byte {
	dst = append(dst, `{"type":"heartbeat","at":`...)
	dst = strconv.AppendInt(dst, h.At, 10)
	dst = append(dst, `,"offset":`...)
	dst = strconv.AppendUint(dst, h.Offset, 10)
	return append(dst, '}')
}

// AppendLeave appends a leave.
func AppendLeave(dst []byte) []byte {
	return append(dst, `{"type":"leave"}`...)
}

func appendRef(dst []byte, ref uint64) []byte {
	if ref == 0 {
		return dst
	}
	dst = append(dst, `,"ref":`...)
	return strconv.AppendUint(dst, ref, 10)
}

func appendData(dst, data []byte) []byte {
	dst = append(dst, `,"data":`...)
	if len(data) == 0 {
		return append(dst, "null"...)
	}
	return append(dst, data...)
}
