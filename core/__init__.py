"""The ground floor: mechanisms without business rules, which every app may use."""
