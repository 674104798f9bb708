package io.flinkkubeha.tests.bench;

import org.apache.flink.configuration.Configuration;
import org.apache.flink.runtime.leaderretrieval.LeaderRetrievalListener;
import org.apache.flink.runtime.leaderretrieval.LeaderRetrievalService;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/** Processes that only look for a leader, as TaskManagers do: each with HA services of its own. */
final class Watchers implements AutoCloseable {

    private final List<OpenServices> services = new ArrayList<>();
    private final List<LeaderRetrievalService> retrievals = new ArrayList<>();
    private final List<Watcher> watchers = new ArrayList<>();

    Watchers(Configuration configuration, int count) throws Exception {
        for (int i = 0; i < count; i++) {
            final OpenServices open = OpenServices.open(configuration);
            services.add(open);
            final LeaderRetrievalService retrieval =
                    open.services().getDispatcherLeaderRetriever();
            final Watcher watcher = new Watcher();
            watchers.add(watcher);
            retrieval.start(watcher);
            retrievals.add(retrieval);
        }
    }

    /** Waits until all have found a leader. */
    Object found() throws Exception {
        for (Watcher watcher : watchers) {
            watcher.found.get(2, TimeUnit.MINUTES);
        }
        return watchers.size();
    }

    /** When the last of them was told of the leader that each knows now, and how many know it. */
    Object seen() {
        final Map<String, Object> seen = new LinkedHashMap<>();
        for (Watcher watcher : watchers) {
            final String session = String.valueOf(watcher.session);
            final Object[] of = (Object[]) seen.getOrDefault(session, new Object[] {0, 0L});
            seen.put(
                    session,
                    new Object[] {(Integer) of[0] + 1, Math.max((Long) of[1], watcher.at)});
        }
        return seen;
    }

    @Override
    public void close() throws Exception {
        for (LeaderRetrievalService retrieval : retrievals) {
            retrieval.stop();
        }
        for (OpenServices open : services) {
            open.close();
        }
    }

    private static final class Watcher implements LeaderRetrievalListener {

        private final CompletableFuture<Void> found = new CompletableFuture<>();
        private volatile UUID session;
        private volatile long at;

        @Override
        public void notifyLeaderAddress(String address, UUID leader) {
            if (address != null) {
                session = leader;
                at = System.currentTimeMillis();
                found.complete(null);
            }
        }

        @Override
        public void handleError(Exception failure) {
            found.completeExceptionally(failure);
        }
    }
}
