"""The POA&M and the operational plan of action: kept, read, closed, brought in and taken out."""
