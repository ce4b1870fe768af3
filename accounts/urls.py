"""Addresses of the account pages; logging in is allauth's, under /account/."""

from django.urls import path

from accounts import audit_views, plan_views, team_views, views

urlpatterns = [
    path("", views.home, name="home"),
    path("you/", views.you, name="you"),
    path("you/business/", views.switch, name="switch_business"),
    path("you/viewing/end/", views.end_viewing, name="end_viewing"),
    path("you/sessions/<int:session_id>/end/", views.end_session, name="end_session"),
    path("mails/", views.mails, name="mails"),
    path("you/language/", views.language, name="language"),
    path("keys/", views.keys, name="keys"),
    path("keys/<int:key_id>/revoke/", views.revoke_key, name="revoke_key"),
    path("keys/<int:key_id>/replace/", views.replace_key, name="replace_key"),
    path("settings/audit/", audit_views.audit, name="audit"),
    path("settings/plan/", plan_views.plan, name="plan"),
    path("settings/plan/choose/", plan_views.choose, name="choose_plan"),
    path("settings/plan/keep/", plan_views.keep, name="keep_plan"),
    path("start/", team_views.found, name="found_business"),
    path("team/", team_views.team, name="team"),
    path("team/mfa/", team_views.require_mfa, name="require_mfa"),
    path("team/leave/", team_views.leave, name="leave_business"),
    path("team/<int:member_id>/role/", team_views.change_role, name="change_role"),
    path("team/<int:member_id>/remove/", team_views.remove, name="remove_member"),
    path("team/<int:member_id>/transfer/", team_views.transfer, name="transfer_business"),
    path("team/invitations/<int:invitation_id>/withdraw/", team_views.withdraw, name="withdraw_invitation"),
    path("join/<str:token>/", team_views.accept, name="accept_invitation"),
]
