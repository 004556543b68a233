"""How a borrower's stream says no to what is asked about contact."""

from domain.base.refusal import Refusal


class ZonesNotPlausible(Refusal):
    """A borrower needs at least one time zone, each an IANA name."""

    code = "ZONES_NOT_PLAUSIBLE"


class JurisdictionUnknown(Refusal):
    """No policy speaks of the jurisdiction."""

    code = "JURISDICTION_UNKNOWN"


class LanguageNotSound(Refusal):
    """A language is named by its tag."""

    code = "LANGUAGE_NOT_SOUND"


class ContactRefReused(Refusal):
    """The reference already names another contact."""

    code = "CONTACT_REF_REUSED"


class ContactUnknown(Refusal):
    """No contact with this reference was allowed."""

    code = "CONTACT_UNKNOWN"


class ContactOver(Refusal):
    """What came of the contact was told before, and otherwise."""

    code = "CONTACT_OVER"


class ContactStillOpen(Refusal):
    """The contact was allowed before, and it was not told what came of it."""

    code = "CONTACT_STILL_OPEN"


class ContactLapsed(Refusal):
    """The contact was allowed too long before it was made, or is asked about."""

    code = "CONTACT_LAPSED"


class ContactOutOfOrder(Refusal):
    """A contact is decided on at an instant before one that was decided on already."""

    code = "CONTACT_OUT_OF_ORDER"


class OutcomeImpossible(Refusal):
    """A contact of this kind cannot have had this outcome."""

    code = "OUTCOME_IMPOSSIBLE"


class ContactPointUnknown(Refusal):
    """The borrower has no contact point with this reference."""

    code = "CONTACT_POINT_UNKNOWN"


class ContactPointReused(Refusal):
    """The reference already names another contact point."""

    code = "CONTACT_POINT_REUSED"


class ContactPointInClear(Refusal):
    """The number or address itself was given in place of its reference."""

    code = "CONTACT_POINT_IN_CLEAR"


class ContactPointUnfit(Refusal):
    """The contact point cannot be used by this channel."""

    code = "CONTACT_POINT_UNFIT"


class ContactPointOwn(Refusal):
    """The contact point is the borrower's own: there is nobody else to leave alone."""

    code = "CONTACT_POINT_OWN"


class OptOutUnknown(Refusal):
    """No refusal stands that was made so, and no later than that."""

    code = "OPT_OUT_UNKNOWN"


class ConsentTakenBack(Refusal):
    """The consent was given before one of the same scope was withdrawn."""

    code = "CONSENT_TAKEN_BACK"


class ConsentMissing(Refusal):
    """There is no consent of this scope to confirm or to withdraw."""

    code = "CONSENT_MISSING"


class HoursNotSound(Refusal):
    """Hours end before they begin, or are none of a local clock."""

    code = "HOURS_NOT_SOUND"


class ComplaintUnknown(Refusal):
    """The borrower has no complaint with this reference."""

    code = "COMPLAINT_UNKNOWN"


class ComplaintRefReused(Refusal):
    """The reference already names another complaint."""

    code = "COMPLAINT_REF_REUSED"


class ComplaintLevelMissing(Refusal):
    """No policy in force says how fast a complaint of this severity is dealt with."""

    code = "COMPLAINT_LEVEL_MISSING"


class ComplaintOver(Refusal):
    """The complaint was resolved."""

    code = "COMPLAINT_OVER"


class ComplaintNotOver(Refusal):
    """The complaint is still open."""

    code = "COMPLAINT_NOT_OVER"


class ExtensionNotAllowed(Refusal):
    """The level of the complaint allows no such extension."""

    code = "EXTENSION_NOT_ALLOWED"


class ExtendedTooLate(Refusal):
    """The deadline passed before."""

    code = "EXTENDED_TOO_LATE"


class ComplaintOutOfOrder(Refusal):
    """Something would happen to a complaint before what happened to it already."""

    code = "COMPLAINT_OUT_OF_ORDER"


class SeverityNotHigher(Refusal):
    """An escalation never makes a complaint less severe."""

    code = "SEVERITY_NOT_HIGHER"


class ScoreNotSound(Refusal):
    """A score is a whole number from 1 to 5."""

    code = "SCORE_NOT_SOUND"


class FeedbackRefReused(Refusal):
    """The reference already names other feedback."""

    code = "FEEDBACK_REF_REUSED"


class CallBackNotAllowed(Refusal):
    """A call-back is a contact of care that the gate allowed before it was made."""

    code = "CALL_BACK_NOT_ALLOWED"
