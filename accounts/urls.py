"""URLs of accounts; login and signup are allauth's, under /account/."""

from django.urls import path

from accounts.views import audit, plans, settings, team, workspace

urlpatterns = [
    path("", workspace.home, name="home"),
    path("you/", workspace.profile, name="profile"),
    path("you/business/", workspace.switch, name="switch_business"),
    path("you/viewing/end/", workspace.end_viewing, name="end_viewing"),
    path("you/sessions/<int:session_id>/end/", workspace.end_session, name="end_session"),
    path("mails/", workspace.development_mails, name="development_mails"),
    path("you/language/", workspace.language, name="language"),
    path("keys/", workspace.keys, name="keys"),
    path("keys/<int:key_id>/revoke/", workspace.revoke_key, name="revoke_key"),
    path("keys/<int:key_id>/replace/", workspace.replace_key, name="replace_key"),
    path("settings/", settings.settings, name="settings"),
    path("find/", settings.find, name="find"),
    path("settings/audit/", audit.audit, name="audit"),
    path("settings/plan/", plans.plan, name="plan"),
    path("settings/plan/choose/", plans.choose, name="choose_plan"),
    path("settings/plan/keep/", plans.keep, name="keep_plan"),
    path("start/resend/", team.resend_verification, name="resend_verification"),
    path("start/", team.create_business, name="create_business"),
    path("team/", team.team, name="team"),
    path("team/mfa/", team.require_mfa, name="require_mfa"),
    path("team/leave/", team.leave, name="leave_business"),
    path("team/<int:member_id>/role/", team.change_role, name="change_role"),
    path("team/<int:member_id>/remove/", team.remove, name="remove_member"),
    path("team/<int:member_id>/transfer/", team.transfer, name="transfer_business"),
    path(
        "team/invitations/<int:invitation_id>/withdraw/", team.withdraw, name="withdraw_invitation"
    ),
    path("join/<str:token>/", team.accept, name="accept_invitation"),
]
