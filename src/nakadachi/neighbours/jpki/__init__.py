"""公的個人認証サービス (JPKI), a stand-in: two authorities, their certificates, and whether one is still good (R3).

It never sees a link code, a resident record code or an Individual Number. Its certificates are marked as samples.
"""
