package event

// member is the name of a member that EVENTS.md defines.
type member uint8

const (
	noMember member = iota // any other name

	fEventID
	fTS
	fSessionID
	fSeq
	fType

	fSessionType
	fTechnician
	fChannel
	fCallingCard
	fStatus
	fTransferredTo
	fTechnicianID
	fState
	fSender
	fTool
	fResolution
	fBy

	// The details, in the order of the indexes into Details. Nested objects
	// have a member name, too.
	fName
	fTrackingID
	fCustomerIP
	fDeviceID
	fPlatform
	fBrowserType
	fCustomFields

	// Members of nested objects.
	fID
	fEmail
	fGroup
	fKind

	numMembers
)

var memberNames = [numMembers]string{
	fEventID: "event_id", fTS: "ts", fSessionID: "session_id", fSeq: "seq", fType: "type",
	fSessionType: "session_type", fTechnician: "technician", fChannel: "channel", fCallingCard: "calling_card",
	fStatus: "status", fTransferredTo: "transferred_to", fTechnicianID: "technician_id", fState: "state",
	fSender: "sender", fTool: "tool", fResolution: "resolution", fBy: "by",
	fName: "name", fTrackingID: "tracking_id", fCustomerIP: "customer_ip", fDeviceID: "device_id",
	fPlatform: "platform", fBrowserType: "browser_type", fCustomFields: "custom_fields",
	fID: "id", fEmail: "email", fGroup: "group", fKind: "kind",
}

// lookup is the inverse of memberNames. A switch is several times as fast as a
// map.
// It has more than 60 lines because it has one case for each name.
func lookup(name []byte) member {
	switch string(name) {
	case "event_id":
		return fEventID
	case "ts":
		return fTS
	case "session_id":
		return fSessionID
	case "seq":
		return fSeq
	case "type":
		return fType
	case "session_type":
		return fSessionType
	case "technician":
		return fTechnician
	case "channel":
		return fChannel
	case "calling_card":
		return fCallingCard
	case "status":
		return fStatus
	case "transferred_to":
		return fTransferredTo
	case "technician_id":
		return fTechnicianID
	case "state":
		return fState
	case "sender":
		return fSender
	case "tool":
		return fTool
	case "resolution":
		return fResolution
	case "by":
		return fBy
	case "name":
		return fName
	case "tracking_id":
		return fTrackingID
	case "customer_ip":
		return fCustomerIP
	case "device_id":
		return fDeviceID
	case "platform":
		return fPlatform
	case "browser_type":
		return fBrowserType
	case "custom_fields":
		return fCustomFields
	case "id":
		return fID
	case "email":
		return fEmail
	case "group":
		return fGroup
	case "kind":
		return fKind
	}
	return noMember
}
